"""Verifies JWTs with PyJWT.

Reads {"Jwks", "Tokens": [{"Token", "Audience", "Issuer"}, ...]} from standard input and prints a list of
{"Header", "Claims"} or {"Refused"}, one for each.
"""

import json
import sys

import jwt


def verdict(keys, asked):
    try:
        header = jwt.get_unverified_header(asked["Token"])
        claims = jwt.decode(
            asked["Token"],
            keys[header["kid"]],
            algorithms=["ES256"],
            audience=asked["Audience"],
            issuer=asked["Issuer"],
            options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
        )
        return {"Header": header, "Claims": claims}
    except (jwt.InvalidTokenError, KeyError) as error:
        return {"Refused": type(error).__name__}


question = json.load(sys.stdin)
keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(question["Jwks"]).keys}
print(json.dumps([verdict(keys, asked) for asked in question["Tokens"]]))
