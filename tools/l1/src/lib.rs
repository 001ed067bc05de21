//! TO BE WRITTEN: millrace-l1.
