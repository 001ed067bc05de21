//! Micheline as text and as JSON: the forms in which clients and explorers of the layer 1 show what a contract is called
//! with. Only what such an argument can be: bytes, texts, integers, and primitives with arguments.
//!
//! **Bounds**: [`TEXT_BYTES_MAX`], [`DEPTH_MAX`].

use serde_json::{Value, json};

/// The longest text that is read: a message in hexadecimal, and room for what is around it.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// How deep expressions may be nested.
pub const DEPTH_MAX: usize = 16;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// `0x00ff`
    Bytes(Vec<u8>),
    /// `"text"`
    Text(String),
    /// `42`
    Integer(String),
    /// `Pair x y`
    Primitive(String, Vec<Expression>),
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MichelineError {
    /// Longer than [`TEXT_BYTES_MAX`].
    #[error("the text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("the expression is nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// An odd number of digits, or something else than digits, after `0x`.
    #[error("`{0}` is not an even number of hexadecimal digits")]
    Digits(String),
    /// A parenthesis or a quotation mark without its partner.
    #[error("the expression ends too early")]
    Unfinished,
    /// Something that no argument of a contract of governance has.
    #[error("`{0}` has no place there")]
    Unexpected(String),
    /// JSON that is not Micheline.
    #[error("the JSON is not Micheline: {0}")]
    Json(String),
}

impl Expression {
    /// Reads text, or JSON when it starts with a brace.
    ///
    /// # Errors
    /// [`MichelineError`].
    pub fn parse(text: &str) -> Result<Self, MichelineError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(MichelineError::TooLong);
        }
        let text = text.trim();
        if text.starts_with('{') {
            let value =
                serde_json::from_str(text).map_err(|error| MichelineError::Json(error.to_string()))?;
            return of_json(&value, DEPTH_MAX);
        }
        let mut words = words(text)?.into_iter().peekable();
        let expression = application(&mut words, DEPTH_MAX)?;
        match words.next() {
            None => Ok(expression),
            Some(word) => Err(MichelineError::Unexpected(word.shown())),
        }
    }

    /// As clients of the layer 1 take it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
            Self::Text(text) => format!("\"{text}\""),
            Self::Integer(digits) => digits.clone(),
            Self::Primitive(name, arguments) => arguments.iter().fold(name.clone(), |text, argument| {
                let inner = argument.to_text();
                let is_nested = matches!(argument, Self::Primitive(_, inner) if !inner.is_empty());
                if is_nested { format!("{text} ({inner})") } else { format!("{text} {inner}") }
            }),
        }
    }

    /// As RPCs of the layer 1 have it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
            Self::Text(text) => json!({ "string": text }),
            Self::Integer(digits) => json!({ "int": digits }),
            Self::Primitive(name, arguments) if arguments.is_empty() => json!({ "prim": name }),
            Self::Primitive(name, arguments) => {
                json!({ "prim": name, "args": arguments.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
        }
    }
}

/// A piece of text.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Open,
    Close,
    Quoted(String),
    Plain(String),
}

impl Word {
    fn shown(&self) -> String {
        match self {
            Self::Open => "(".into(),
            Self::Close => ")".into(),
            Self::Quoted(text) => format!("\"{text}\""),
            Self::Plain(text) => text.chars().take(40).collect(),
        }
    }
}

fn words(text: &str) -> Result<Vec<Word>, MichelineError> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match first {
            '(' | ')' => {
                words.push(if first == '(' { Word::Open } else { Word::Close });
                rest = &rest[1..];
            }
            '"' => {
                // What stands there, keys and addresses, has nothing to escape.
                let (quoted, after) = rest[1..].split_once('"').ok_or(MichelineError::Unfinished)?;
                words.push(Word::Quoted(quoted.to_owned()));
                rest = after;
            }
            space if space.is_whitespace() => rest = rest.trim_start(),
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"');
                let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
                words.push(Word::Plain(word.to_owned()));
                rest = after;
            }
        }
    }
    Ok(words)
}

type Words = std::iter::Peekable<std::vec::IntoIter<Word>>;

/// A primitive with all that follows it up to a closing parenthesis or the end; or anything else.
fn application(words: &mut Words, depth: usize) -> Result<Expression, MichelineError> {
    let mut expression = argument(words, depth)?;
    if let Expression::Primitive(_, arguments) = &mut expression
        && arguments.is_empty()
    {
        while words.peek().is_some_and(|word| *word != Word::Close) {
            arguments.push(argument(words, depth)?);
        }
    }
    Ok(expression)
}

fn argument(words: &mut Words, depth: usize) -> Result<Expression, MichelineError> {
    match words.next().ok_or(MichelineError::Unfinished)? {
        Word::Open => {
            let inner = application(words, depth.checked_sub(1).ok_or(MichelineError::TooDeep)?)?;
            match words.next() {
                Some(Word::Close) => Ok(inner),
                Some(word) => Err(MichelineError::Unexpected(word.shown())),
                None => Err(MichelineError::Unfinished),
            }
        }
        Word::Quoted(text) => Ok(Expression::Text(text)),
        Word::Plain(word) => literal(&word),
        Word::Close => Err(MichelineError::Unexpected(Word::Close.shown())),
    }
}

fn literal(word: &str) -> Result<Expression, MichelineError> {
    if let Some(digits) = word.strip_prefix("0x") {
        return bytes(digits).map(Expression::Bytes);
    }
    if is_integer(word) {
        return Ok(Expression::Integer(word.to_owned()));
    }
    primitive(word).map(|name| Expression::Primitive(name, Vec::new()))
}

/// Digits of bytes.
pub(crate) fn bytes(digits: &str) -> Result<Vec<u8>, MichelineError> {
    hex::decode(digits).map_err(|_| MichelineError::Digits(digits.chars().take(40).collect()))
}

fn is_integer(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn primitive(word: &str) -> Result<String, MichelineError> {
    match word {
        "Left" | "Right" | "Pair" | "Some" | "None" | "Unit" => Ok(word.to_owned()),
        _ => Err(MichelineError::Unexpected(word.chars().take(40).collect())),
    }
}

fn of_json(value: &Value, depth: usize) -> Result<Expression, MichelineError> {
    let depth = depth.checked_sub(1).ok_or(MichelineError::TooDeep)?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(digits) = text("bytes") {
        return bytes(digits).map(Expression::Bytes);
    }
    if let Some(text) = text("string") {
        return Ok(Expression::Text(text.to_owned()));
    }
    if let Some(digits) = text("int").filter(|digits| is_integer(digits)) {
        return Ok(Expression::Integer(digits.to_owned()));
    }
    let name =
        text("prim").ok_or_else(|| MichelineError::Json("neither bytes, string, int nor prim".into()))?;
    let arguments = value.get("args").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let arguments = arguments.iter().map(|argument| of_json(argument, depth)).collect::<Result<_, _>>()?;
    Ok(Expression::Primitive(primitive(name)?, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(arguments: Vec<Expression>) -> Expression {
        Expression::Primitive("Pair".into(), arguments)
    }

    #[test]
    fn expressions_are_read_and_written() {
        let right = Expression::Primitive("Right".into(), vec![Expression::Bytes(vec![0, 255])]);
        let table = [
            ("0x00ff", Expression::Bytes(vec![0, 255])),
            ("0x", Expression::Bytes(vec![])),
            ("Right 0x00ff", right.clone()),
            ("Pair \"sr1\" 42", pair(vec![Expression::Text("sr1".into()), Expression::Integer("42".into())])),
            ("Pair (Right 0x00ff) Unit", pair(vec![right, Expression::Primitive("Unit".into(), vec![])])),
        ];
        for (text, expression) in table {
            assert_eq!(Expression::parse(text).as_ref(), Ok(&expression), "{text}");
            assert_eq!(Expression::parse(&format!(" ({text}) ")).as_ref(), Ok(&expression), "{text}");
            assert_eq!(expression.to_text(), text);
            let json = expression.to_json().to_string();
            assert_eq!(Expression::parse(&json), Ok(expression), "{json}");
        }
    }

    #[test]
    fn what_is_no_argument_is_refused_for_what_it_is() {
        use MichelineError::{Digits, Json, TooDeep, TooLong, Unexpected, Unfinished};
        let deep = "(".repeat(DEPTH_MAX + 1) + "0x" + &")".repeat(DEPTH_MAX + 1);
        let deep_json =
            "{\"prim\":\"Some\",\"args\":[".repeat(DEPTH_MAX) + "{\"int\":\"1\"}" + &"]}".repeat(DEPTH_MAX);
        let long = "0".repeat(TEXT_BYTES_MAX + 1);
        type Row<'a> = (&'a str, fn(&MichelineError) -> bool);
        let table: [Row<'_>; 12] = [
            ("", |e| *e == Unfinished),
            ("(0x", |e| *e == Unfinished),
            ("0x0", |e| matches!(e, Digits(_))),
            ("0xzz", |e| matches!(e, Digits(_))),
            ("\"never", |e| *e == Unfinished),
            ("0x00)", |e| matches!(e, Unexpected(_))),
            ("0x00 0x00", |e| matches!(e, Unexpected(_))),
            ("DROP 0x00", |e| matches!(e, Unexpected(_))),
            ("{\"a\": 1}", |e| matches!(e, Json(_))),
            ("{", |e| matches!(e, Json(_))),
            (&deep, |e| *e == TooDeep),
            (&deep_json, |e| *e == TooDeep),
        ];
        for (text, is_expected) in table {
            let error = Expression::parse(text).expect_err(text);
            assert!(is_expected(&error), "{text}: {error:?}");
        }
        assert_eq!(Expression::parse(&long), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[(){}\"0-9a-fxLefRight ]{0,60}") {
            if let Ok(expression) = Expression::parse(&text) {
                prop_assert_eq!(Expression::parse(&expression.to_text()), Ok(expression));
            }
        }
    }
}
