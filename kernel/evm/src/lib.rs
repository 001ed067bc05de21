//! TO BE WRITTEN: millrace-evm.
