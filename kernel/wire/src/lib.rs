//! TO BE WRITTEN: millrace-wire.
