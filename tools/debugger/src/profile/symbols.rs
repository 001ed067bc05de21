//! The names of functions.

use millrace_pvm::{exported_functions, function_names};
use std::collections::BTreeMap;

/// The functions of a kernel by name; those without are called by their index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols {
    names: BTreeMap<u32, String>,
    is_stripped: bool,
}

impl Symbols {
    /// Those that a kernel brings along, as people write them.
    pub(crate) fn of(kernel: &[u8]) -> Self {
        let named = function_names(kernel);
        let is_stripped = named.is_empty();
        // What is exported has a name even then.
        let mut names = exported_functions(kernel);
        names.extend(named);
        for name in names.values_mut() {
            *name = demangled(name);
        }
        Self { names, is_stripped }
    }

    /// Whether the kernel was stripped of them.
    pub(crate) const fn is_stripped(&self) -> bool {
        self.is_stripped
    }

    pub(crate) fn name(&self, function: u32) -> String {
        self.names.get(&function).cloned().unwrap_or_else(|| format!("function[{function}]"))
    }
}

/// Without the hash that rustc adds, and without what separates stacks.
fn demangled(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    name.replace(';', ":").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        assert_eq!(demangled("_ZN4core3ptr7replace17h0123456789abcdefE"), "core::ptr::replace");
        assert_eq!(demangled("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(demangled("kernel_run"), "kernel_run");
        assert_eq!(demangled("a;b\nc"), "a:b c");
        let kernel = wat::parse_str(r#"(module (func $first) (func) (func (export "third")))"#).unwrap();
        let symbols = Symbols::of(&kernel);
        assert_eq!([0, 1, 2, 9].map(|f| symbols.name(f)), ["first", "function[1]", "third", "function[9]"]);
        assert!(!symbols.is_stripped() && Symbols::of(b"").is_stripped());
    }
}
