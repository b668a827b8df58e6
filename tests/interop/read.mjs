// SPDX-License-Identifier: LGPL-2.1-or-later
// Read with the npm package jose what nhi signed: node read.mjs DIR, after tests/unit/test-interop
// has written ours.jwk and ours.jws there. Exit 0 where it verifies.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as jose from 'jose'

const read = (file) => readFileSync(join(process.argv[2], file), 'utf8')
const jwk = JSON.parse(read('ours.jwk'))
const { payload, protectedHeader } = await jose.compactVerify(read('ours.jws'), await jose.importJWK(jwk, 'EdDSA'),
                                                              { algorithms: ['EdDSA'] })
if (new TextDecoder().decode(payload) !== '{"format":1}') throw new Error('another payload')
if (protectedHeader.typ !== 'nhi-grants+jwt') throw new Error('another type')
if (protectedHeader.kid !== await jose.calculateJwkThumbprint(jwk)) throw new Error('kid is no thumbprint')
