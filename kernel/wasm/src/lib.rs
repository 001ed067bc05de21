//! TO BE WRITTEN: millrace-kernel.
