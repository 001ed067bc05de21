//! TO BE WRITTEN: millrace-rpc.
