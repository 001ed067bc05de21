//! TO BE WRITTEN: millrace-secp256k1.
