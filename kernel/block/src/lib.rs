//! TO BE WRITTEN: millrace-block.
