# SPDX-License-Identifier: Apache-2.0
"""A certificate authority and its server certificates, made with the openssl command."""

import subprocess
from pathlib import Path


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """A certificate authority of our own in a folder."""

    def __init__(self, folder, name="maildest test CA"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.pem"
        self._key = self.folder / "ca.key"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self._key, "-out", self.certificate, "-days", "30",
            "-subj", f"/CN={name}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue(
        self, label, names=("DNS:localhost", "IP:127.0.0.1"), days=20, usage="serverAuth"
    ):
        """A certificate for these names: (certificate, key). Negative days: already expired."""
        certificate = self.folder / f"{label}.pem"
        key = self.folder / f"{label}.key"
        request = self.folder / f"{label}.csr"
        extensions = self.folder / f"{label}.ext"
        extensions.write_text(
            f"subjectAltName={','.join(names)}\n"
            "basicConstraints=CA:FALSE\n"
            f"extendedKeyUsage={usage}\n"
        )
        _openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={label}",
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
            "-CAcreateserial", "-out", certificate, "-days", days, "-extfile", extensions,
        )  # fmt: skip
        return certificate, key

    @staticmethod
    def bundle(certificate, key, password):
        """The two as PKCS#12."""
        path = certificate.with_suffix(".p12")
        _openssl(
            "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", path,
            "-passout", f"pass:{password}",
        )  # fmt: skip
        return path
