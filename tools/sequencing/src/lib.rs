//! TO BE WRITTEN: millrace-sequencing.
