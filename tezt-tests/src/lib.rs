//! TO BE WRITTEN: millrace-tezt.
