# Right after the local files: cheaper than to ask systemd or a directory first.
passwd after=files nhi
group after=files nhi
