// SPDX-License-Identifier: LGPL-2.1-or-later
// Mint grant sets with the npm package jose: node mint.mjs DIR. Writes the trusted key, one file
// for each case, and expected.json: file -> "accepted" or the code with which nhi refuses it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as jose from 'jose'

const dir = process.argv[2]
const T0 = 1763760000 // tests/unit/test-interop.c sets its clock to this
const typ = 'nhi-grants+jwt'

const payload = {
  format: 1, iss: 'https://grants.example.org', aud: 'web1.example.org',
  iat: T0, exp: T0 + 86400, ver: T0 * 1000, ledger: '3f9c',
  accounts: [{ name: 'svc-deploy', kind: 'workload', owner: 'payments', uid: 70001, gid: 70001,
               gecos: 'déploie les paiements' }],
  grants: [{ jti: 'g-01', account: 'svc-deploy', owner: 'payments', reason: 'CHG-42', exp: T0 + 1800,
             authorization_details: [{ type: 'nhi_login', services: ['ssh'], from: ['10.0.0.0/8'] }] }],
}
const bytes = (value) => new TextEncoder().encode(JSON.stringify(value))

async function keyPair() {
  const { publicKey, privateKey } = await jose.generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const jwk = await jose.exportJWK(publicKey)
  return { privateKey, jwk, kid: await jose.calculateJwkThumbprint(jwk) }
}
const sign = (header, key, body = payload) =>
  new jose.CompactSign(bytes(body)).setProtectedHeader(header).sign(key)

const key = await keyPair()
const other = await keyPair()
const ec = await jose.generateKeyPair('ES256')
const header = { alg: 'EdDSA', kid: key.kid, typ }
const secret = jose.base64url.decode(key.jwk.x)
const good = await sign(header, key.privateKey)
const [h, p, s] = good.split('.')
const reencode = (part, change) => jose.base64url.encode(bytes(change(JSON.parse(new TextDecoder().decode(jose.base64url.decode(part))))))

const cases = {
  'good.jws': ['accepted', good],
  'good-other-order.jws': ['accepted', await sign({ typ, kid: key.kid, alg: 'EdDSA' }, key.privateKey)],
  'header-jwk.jws': ['header', await sign({ ...header, jwk: key.jwk }, key.privateKey)],
  'header-cty.jws': ['header', await sign({ ...header, cty: 'JWT' }, key.privateKey)],
  'header-crit.jws': ['header', await new jose.CompactSign(bytes(payload))
    .setProtectedHeader({ ...header, crit: ['exp'], exp: T0 }).sign(key.privateKey, { crit: { exp: true } })],
  'no-kid.jws': ['header', await sign({ alg: 'EdDSA', typ }, key.privateKey)],
  'typ-jwt.jws': ['type', await sign({ ...header, typ: 'JWT' }, key.privateKey)],
  'typ-sealed.jws': ['type', await sign({ ...header, typ: 'nhi-sealed+jwt' }, key.privateKey)],
  'hs256.jws': ['algorithm', await sign({ ...header, alg: 'HS256' }, secret)],
  'es256.jws': ['algorithm', await sign({ ...header, alg: 'ES256' }, ec.privateKey)],
  'other-key.jws': ['key', await sign({ ...header, kid: other.kid }, other.privateKey)],
  'other-key-our-kid.jws': ['signature', await sign(header, other.privateKey)],
  'none.jws': ['segments', `${reencode(h, (o) => ({ ...o, alg: 'none' }))}.${p}.`],
  'payload-changed.jws': ['signature', `${h}.${reencode(p, (o) => ({ ...o, ver: o.ver + 1 }))}.${s}`],
  'flattened.json': ['segments', JSON.stringify(
    await new jose.FlattenedSign(bytes(payload)).setProtectedHeader(header).sign(key.privateKey))],
  'other-host.jws': ['audience', await sign(header, key.privateKey, { ...payload, aud: 'web2.example.org' })],
}

const expected = {}
for (const [file, [code, text]] of Object.entries(cases)) {
  writeFileSync(join(dir, file), text)
  expected[file] = code
}
writeFileSync(join(dir, 'key.jwk'), JSON.stringify({ ...key.jwk, kid: key.kid, alg: 'EdDSA', use: 'sig' }))
writeFileSync(join(dir, 'expected.json'), JSON.stringify(expected, null, 2))
