"""By what functions and values are known in another process, on which a journal or a checkpoint depends."""

from fastprop.fingerprints.values import Fingerprint, NoFingerprintError, fingerprint

__all__ = ["Fingerprint", "NoFingerprintError", "fingerprint"]
