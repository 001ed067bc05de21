//! JSON as Octez prints it: on as few lines as the width allows, members and items under each other where they do not fit.

use serde_json::Value;

/// Columns of a line; what does not fit goes on in the next one.
const COLUMNS_MAX: usize = 78;

/// JSON whose members have an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// A string, quotes and all.
    Leaf(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Json {
    pub(crate) fn string(text: &str) -> Self {
        Self::Leaf(Value::from(text).to_string())
    }

    pub(crate) fn in_lines(&self) -> String {
        let mut layout = Layout { out: String::new(), column: 0 };
        layout.value(self, 0, 0);
        layout.out
    }

    /// On one line.
    pub(crate) fn flat(&self) -> String {
        match self {
            Self::Leaf(text) => text.clone(),
            Self::List(items) if items.is_empty() => "[]".into(),
            Self::Object(members) if members.is_empty() => "{}".into(),
            Self::List(items) => {
                format!("[ {} ]", items.iter().map(Self::flat).collect::<Vec<_>>().join(", "))
            }
            Self::Object(members) => {
                let member = |(name, member): &(&str, Self)| format!("\"{name}\": {}", member.flat());
                format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn width(&self) -> usize {
        self.flat().chars().count()
    }
}

struct Layout {
    out: String,
    column: usize,
}

impl Layout {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    /// A blank, or a new line when what follows does not fit.
    fn blank(&mut self, width: usize, indent: usize) {
        if self.column + 1 + width > COLUMNS_MAX {
            self.out.push('\n');
            self.out.push_str(&" ".repeat(indent));
            self.column = indent;
        } else {
            self.push(" ");
        }
    }

    /// Writes a value of which `after` columns follow at once.
    fn value(&mut self, value: &Json, indent: usize, after: usize) {
        let (open, items, close): (_, Vec<(Option<&str>, &Json)>, _) = match value {
            Json::List(items) if !items.is_empty() => {
                ("[ ", items.iter().map(|item| (None, item)).collect(), " ]")
            }
            Json::Object(members) if !members.is_empty() => {
                ("{ ", members.iter().map(|(name, member)| (Some(*name), member)).collect(), " }")
            }
            simple => {
                self.push(&simple.flat());
                return;
            }
        };
        self.push(open);
        let last = items.len() - 1;
        for (index, (name, item)) in items.into_iter().enumerate() {
            let follows = if index == last { close.len() + after } else { 1 };
            let label = name.map_or(0, |name| name.len() + 4);
            if index > 0 {
                self.blank(label + item.width() + follows, indent + 2);
            }
            let mut at = indent + 2;
            if let Some(name) = name {
                self.push(&format!("\"{name}\":"));
                at += 2;
                self.blank(item.width() + follows, at);
            }
            self.value(item, at, follows);
            if index < last {
                self.push(",");
            }
        }
        self.push(close);
    }
}
