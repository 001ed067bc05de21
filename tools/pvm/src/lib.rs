//! TO BE WRITTEN: millrace-pvm.
