//! TO BE WRITTEN: millrace-node.
