import type { Fault } from "./folder.ts";

/** Faults in the settings file, in certificates and in keys. */
export const fileFaults: Fault[] = [
  {
    name: "no settings file",
    changes: {},
    args: ["--config", "ssl/nowhere.ini"],
    code: 66,
    lines: [
      '✗ cannot read "ssl/nowhere.ini": file does not exist',
      "    fix: routes help settings > ssl/nowhere.ini",
    ],
  },
  {
    name: "a typo in a key",
    changes: { kafka: { topc: "routes" } },
    code: 78,
    lines: [
      "✗ a setting is wrong",
      '    host_settings.ini line 4: unknown key "topc" in [kafka]: did you mean "topic"?',
      "    fix: routes help settings",
    ],
  },
  {
    name: "a section twice",
    changes: { text: "[kafka]\ntopic = a\n[kafka]\ngroup_id = b\n" },
    code: 78,
    lines: [
      "✗ a setting is wrong",
      "    host_settings.ini line 3: duplicate section [kafka]: first on line 1",
      "    fix: routes help settings",
    ],
  },
  {
    name: "no CA",
    changes: { files: { "ssl/ca.pem": null } },
    code: 66,
    lines: [
      '✗ cannot read "ssl/ca.pem": file does not exist',
      "    [kafka] ssl_cafile names this file, or defaults to it",
      "    fix: put the file there, or correct [kafka] ssl_cafile",
      "✗ cannot trust PostgreSQL at <postgres>: its certificate is not signed by an authority that this machine knows",
      "    self-signed certificate in certificate chain",
      "    fix: set [postgresql] sslrootcert to the CA certificate of that service",
    ],
  },
  {
    name: "no key",
    changes: { files: { "ssl/service.key": null } },
    code: 66,
    lines: [
      '✗ cannot read "ssl/service.key": file does not exist',
      "    [kafka] ssl_keyfile names this file, or defaults to it",
      "    fix: put the file there, or correct [kafka] ssl_keyfile",
    ],
  },
  {
    name: "the CA of another service",
    changes: { files: { "ssl/ca.pem": "otherCa.cert" } },
    code: 69,
    lines: [
      '✗ cannot trust Kafka at <ssl>: its certificate is not signed by "ssl/ca.pem"',
      "    unable to verify the first certificate",
      "    fix: set [kafka] ssl_cafile to the CA certificate of that service",
      '✗ cannot trust PostgreSQL at <postgres>: its certificate is not signed by "ssl/ca.pem"',
      "    self-signed certificate in certificate chain",
      "    fix: set [postgresql] sslrootcert to the CA certificate of that service",
    ],
  },
  {
    name: "an expired certificate",
    changes: { client: "expired" },
    code: 78,
    lines: [
      '✗ certificate "ssl/service.cert" expired on <day>',
      "    fix: download a new one",
    ],
  },
  {
    name: "a certificate not yet valid",
    changes: { client: "early" },
    code: 78,
    lines: [
      '✗ certificate "ssl/service.cert" is not valid before <day>',
      "    the clock of this machine says <day>",
      "    fix: set the clock, or wait",
    ],
  },
  {
    name: "a key of another certificate",
    changes: { files: { "ssl/service.key": "rsa.key" } },
    code: 78,
    lines: [
      '✗ key "ssl/service.key" does not fit certificate "ssl/service.cert"',
      "    [kafka] ssl_certfile and [kafka] ssl_keyfile name files of two different pairs",
      "    fix: download both again, at the same time",
    ],
  },
  {
    name: "a key that others can read",
    changes: { modes: { "ssl/service.key": 0o644 } },
    code: 77,
    lines: [
      '✗ "ssl/service.key" can be read by others: its mode is 0644',
      "    fix: chmod 600 ssl/service.key",
    ],
  },
  {
    name: "garbage for a key",
    changes: {
      contents: {
        "ssl/service.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      },
    },
    code: 78,
    lines: [
      '✗ cannot use "ssl/service.key": it holds a key that cannot be decoded',
      "    [kafka] ssl_keyfile names this file, or defaults to it",
      "    fix: download it again, or correct [kafka] ssl_keyfile",
    ],
  },
  {
    name: "a key in the place of the certificate",
    changes: { files: { "ssl/service.cert": "ecdsa.key" } },
    code: 78,
    lines: [
      '✗ cannot use "ssl/service.cert": it holds "PRIVATE KEY" instead of "CERTIFICATE"',
      "    [kafka] ssl_certfile names this file, or defaults to it",
      "    fix: download it again, or correct [kafka] ssl_certfile",
    ],
  },
  {
    name: "a text that is not PEM",
    changes: {
      contents: { "ssl/ca.pem": "<html>login</html>" },
    },
    code: 78,
    lines: [
      '✗ cannot use "ssl/ca.pem": it holds no PEM block',
      "    [kafka] ssl_cafile names this file, or defaults to it",
      "    fix: download it again, or correct [kafka] ssl_cafile",
      '✗ cannot use "ssl/ca.pem": it holds no PEM block',
      "    [postgresql] sslrootcert names this file, or defaults to it",
      "    fix: download it again, or correct [postgresql] sslrootcert",
    ],
  },
  {
    name: "an encrypted key without a passphrase",
    changes: { client: "encrypted" },
    code: 78,
    lines: [
      '✗ key "ssl/service.key" is encrypted: a passphrase is needed',
      "    fix: set [kafka] ssl_password",
    ],
  },
  {
    name: "an encrypted key with a wrong passphrase",
    changes: { client: "encrypted", kafka: { ssl_password: "sesame" } },
    code: 78,
    lines: [
      '✗ cannot decrypt key "ssl/service.key": wrong passphrase',
      "    fix: correct [kafka] ssl_password",
    ],
  },
];
