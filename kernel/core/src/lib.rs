//! TO BE WRITTEN: millrace-core.
