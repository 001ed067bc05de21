//! TO BE WRITTEN: millrace-layout.
