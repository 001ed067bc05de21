//! What a command answers.

use serde_json::{Map, Value};

/// An answer: the text that Octez's debugger prints, and the same as members of a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Whole lines.
    pub text: String,
    /// By name.
    pub members: Map<String, Value>,
    /// For the stream of errors: a line without its end.
    pub error: Option<String>,
}

impl Reply {
    /// A line, and nothing else.
    pub(crate) fn line(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut reply = Self::default().with("message", text.clone());
        reply.text = text + "\n";
        reply
    }

    /// Something that could not be done, on the stream of errors.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self { error: Some(text.into()), ..Self::default() }
    }

    /// Text with its members.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// This, and then that.
    #[must_use]
    pub(crate) fn and(mut self, next: Self) -> Self {
        self.text.push_str(&next.text);
        self.members.extend(next.members);
        self.error = self.error.or(next.error);
        self
    }

    /// The object for a command.
    pub(crate) fn into_json(self, command: &str, debug: String) -> Value {
        let mut object = Map::new();
        object.insert("command".into(), command.into());
        if !debug.is_empty() {
            object.insert("debug".into(), debug.into());
        }
        object.extend(self.members);
        if let Some(error) = self.error {
            object.insert("error".into(), error.into());
        }
        Value::Object(object)
    }
}
