//! Micheline of any kind: as people write it, in binary, and as JSON.
//!
//! [`millrace_wire::micheline`] reads what the type of our rollup needs; a debugger is given the inputs of other kernels too.
//!
//! **Bounds**: [`DEPTH_MAX`]; texts and bytes are as long as what holds them.

use crate::lines::Json;
use crate::michelson::{code_of, name_of};
use num_bigint::{BigInt, BigUint, Sign};

/// How deeply expressions may be nested.
pub const DEPTH_MAX: usize = 100;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// `42`
    Int(BigInt),
    /// `"text"`
    String(String),
    /// `0x00ff`
    Bytes(Vec<u8>),
    /// `{ a ; b }`
    Sequence(Vec<Self>),
    /// `Pair a b`
    Primitive {
        /// The code of its name.
        code: u8,
        /// What follows.
        arguments: Vec<Self>,
        /// With their signs, `%field` for example.
        annotations: Vec<String>,
    },
}

/// Why a text is no Micheline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct SyntaxFault {
    /// What is wrong.
    pub what: &'static str,
    /// Bytes before it.
    pub at: usize,
}

impl Expression {
    /// Reads text: one expression, as a contract's parameter is written.
    ///
    /// # Errors
    /// [`SyntaxFault`].
    pub fn parse(text: &str) -> Result<Self, SyntaxFault> {
        let mut scanner = Scanner { text, at: 0 };
        let expression = scanner.application(DEPTH_MAX)?;
        scanner.skip_blanks()?;
        if scanner.at < text.len() {
            Err(scanner.fault("something after the expression"))
        } else {
            Ok(expression)
        }
    }

    /// The binary form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out);
        out
    }

    fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(int) => {
                out.push(0);
                append_int(int, out);
            }
            Self::String(text) => append_sized(Some(1), text.as_bytes(), out),
            Self::Sequence(items) => append_sized(Some(2), &encoded(items), out),
            Self::Bytes(bytes) => append_sized(Some(10), bytes, out),
            Self::Primitive { code, arguments, annotations } => {
                let notes = annotations.join(" ");
                match arguments.as_slice() {
                    few @ ([] | [_] | [_, _]) => {
                        let tag = 3 + 2 * few.len() as u8 + u8::from(!notes.is_empty());
                        out.extend_from_slice(&[tag, *code]);
                        for argument in few {
                            argument.append(out);
                        }
                        if !notes.is_empty() {
                            append_sized(None, notes.as_bytes(), out);
                        }
                    }
                    many => {
                        out.extend_from_slice(&[9, *code]);
                        append_sized(None, &encoded(many), out);
                        append_sized(None, notes.as_bytes(), out);
                    }
                }
            }
        }
    }

    /// Reads the expression at the beginning of `bytes`, and answers what follows it; `None` when there is none.
    pub fn decode_prefix(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader(bytes);
        let expression = reader.expression(DEPTH_MAX)?;
        Some((expression, reader.0))
    }

    /// The JSON that the RPCs of the layer 1 have for it.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Int(int) => Json::Object(vec![("int", Json::string(&int.to_string()))]),
            Self::String(text) => Json::Object(vec![("string", Json::string(text))]),
            Self::Bytes(bytes) => Json::Object(vec![("bytes", Json::string(&hex::encode(bytes)))]),
            Self::Sequence(items) => Json::List(items.iter().map(Self::to_json).collect()),
            Self::Primitive { code, arguments, annotations } => {
                let mut members = vec![("prim", Json::string(name_of(*code).unwrap_or_default()))];
                if !arguments.is_empty() {
                    members.push(("args", Json::List(arguments.iter().map(Self::to_json).collect())));
                }
                if !annotations.is_empty() {
                    let notes = annotations.iter().map(|note| Json::string(note));
                    members.push(("annots", Json::List(notes.collect())));
                }
                Json::Object(members)
            }
        }
    }
}

fn encoded(expressions: &[Expression]) -> Vec<u8> {
    let mut out = Vec::new();
    for expression in expressions {
        expression.append(&mut out);
    }
    out
}

fn append_sized(tag: Option<u8>, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Six bits, the sign and a continuation bit, then seven bits a byte, least significant first.
fn append_int(int: &BigInt, out: &mut Vec<u8>) {
    let (sign, magnitude) = (int.sign(), int.magnitude());
    let low = magnitude.iter_u64_digits().next().unwrap_or(0);
    let mut byte = (low & 0x3f) as u8 | if sign == Sign::Minus { 0x40 } else { 0 };
    let mut rest: BigUint = magnitude >> 6u32;
    while rest.bits() > 0 {
        out.push(byte | 0x80);
        byte = (rest.iter_u64_digits().next().unwrap_or(0) & 0x7f) as u8;
        rest >>= 7u32;
    }
    out.push(byte);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let (size, rest) = self.0.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*size)).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    fn int(&mut self) -> Option<BigInt> {
        let first = self.u8()?;
        let mut magnitude = BigUint::from(first & 0x3f);
        let (mut byte, mut shift) = (first, 6u64);
        while byte & 0x80 != 0 {
            byte = self.u8()?;
            magnitude |= BigUint::from(byte & 0x7f) << shift;
            shift += 7;
        }
        let sign = if first & 0x40 == 0 { Sign::Plus } else { Sign::Minus };
        Some(BigInt::from_biguint(sign, magnitude))
    }

    fn text(bytes: &[u8]) -> Option<String> {
        String::from_utf8(bytes.to_vec()).ok()
    }

    fn expression(&mut self, depth_left: usize) -> Option<Expression> {
        let depth_left = depth_left.checked_sub(1)?;
        match self.u8()? {
            0 => self.int().map(Expression::Int),
            1 => Self::text(self.sized()?).map(Expression::String),
            2 => Reader(self.sized()?).all(depth_left).map(Expression::Sequence),
            tag @ 3..=8 => {
                let code = self.u8()?;
                name_of(code)?;
                let arguments =
                    (0..(tag - 3) / 2).map(|_| self.expression(depth_left)).collect::<Option<Vec<_>>>()?;
                let annotations = if tag % 2 == 0 { self.annotations()? } else { Vec::new() };
                Some(Expression::Primitive { code, arguments, annotations })
            }
            9 => {
                let code = self.u8()?;
                name_of(code)?;
                let arguments = Reader(self.sized()?).all(depth_left)?;
                Some(Expression::Primitive { code, arguments, annotations: self.annotations()? })
            }
            10 => self.sized().map(|bytes| Expression::Bytes(bytes.to_vec())),
            _ => None,
        }
    }

    fn all(&mut self, depth_left: usize) -> Option<Vec<Expression>> {
        let mut expressions = Vec::new();
        while !self.0.is_empty() {
            expressions.push(self.expression(depth_left)?);
        }
        Some(expressions)
    }

    fn annotations(&mut self) -> Option<Vec<String>> {
        let notes = Self::text(self.sized()?)?;
        Some(notes.split(' ').filter(|note| !note.is_empty()).map(str::to_owned).collect())
    }
}

/// Reads text from the left.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    const fn fault(&self, what: &'static str) -> SyntaxFault {
        SyntaxFault { what, at: self.at }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = rest.find(|c| !is_wanted(c)).map_or(rest, |end| &rest[..end]);
        self.at += taken.len();
        taken
    }

    /// Blanks and comments.
    fn skip_blanks(&mut self) -> Result<(), SyntaxFault> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with('#') {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                match self.rest().find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.fault("a comment without an end")),
                }
            } else {
                return Ok(());
            }
        }
    }

    /// A primitive with its arguments, or something that stands alone.
    fn application(&mut self, depth_left: usize) -> Result<Expression, SyntaxFault> {
        let depth_left = depth_left.checked_sub(1).ok_or_else(|| self.fault("nested too deeply"))?;
        self.skip_blanks()?;
        if !self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            return self.atom(depth_left);
        }
        let code = self.primitive()?;
        let (mut arguments, mut annotations) = (Vec::new(), Vec::new());
        loop {
            self.skip_blanks()?;
            match self.peek() {
                None | Some(')' | '}' | ';') => break,
                Some('@' | ':' | '%') => {
                    annotations
                        .push(self.take_while(|c| !c.is_whitespace() && !"(){};".contains(c)).to_owned());
                }
                Some(_) => arguments.push(self.atom(depth_left)?),
            }
        }
        Ok(Expression::Primitive { code, arguments, annotations })
    }

    fn primitive(&mut self) -> Result<u8, SyntaxFault> {
        let start = self.at;
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        code_of(name).ok_or(SyntaxFault { what: "an unknown primitive", at: start })
    }

    fn atom(&mut self, depth_left: usize) -> Result<Expression, SyntaxFault> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let inner = self.application(depth_left)?;
                self.skip_blanks()?;
                if self.eat(')') { Ok(inner) } else { Err(self.fault("a parenthesis that is not closed")) }
            }
            Some('{') => self.sequence(depth_left),
            Some('"') => self.string(),
            Some('-' | '0'..='9') => self.number(),
            Some(c) if c.is_ascii_alphabetic() => {
                let code = self.primitive()?;
                Ok(Expression::Primitive { code, arguments: Vec::new(), annotations: Vec::new() })
            }
            Some(_) => Err(self.fault("an unexpected character")),
            None => Err(self.fault("the end instead of an expression")),
        }
    }

    fn sequence(&mut self, depth_left: usize) -> Result<Expression, SyntaxFault> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_blanks()?;
            if self.eat('}') {
                return Ok(Expression::Sequence(items));
            }
            items.push(self.application(depth_left)?);
            self.skip_blanks()?;
            if !self.eat(';') && self.peek() != Some('}') {
                return Err(self.fault("a sequence that is not closed"));
            }
        }
    }

    fn string(&mut self) -> Result<Expression, SyntaxFault> {
        self.at += 1;
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| !matches!(c, '"' | '\\' | '\n')));
            if self.eat('"') {
                return Ok(Expression::String(text));
            }
            if !self.eat('\\') {
                return Err(self.fault("a string that is not closed"));
            }
            text.push(match self.peek() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('b') => '\u{8}',
                Some('r') => '\r',
                Some(same @ ('"' | '\\')) => same,
                _ => return Err(self.fault("an unknown escape")),
            });
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Expression, SyntaxFault> {
        let start = self.at;
        let malformed = |what| SyntaxFault { what, at: start };
        if let Some(digits) = self.rest().strip_prefix("0x") {
            let count = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            self.at += 2 + count;
            let digits = digits.get(..count).unwrap_or_default();
            return hex::decode(digits)
                .map(Expression::Bytes)
                .map_err(|_| malformed("an odd number of hexadecimal digits"));
        }
        let is_negative = self.eat('-');
        let digits = self.take_while(|c| c.is_ascii_digit());
        let magnitude = BigUint::parse_bytes(digits.as_bytes(), 10).ok_or_else(|| malformed("no number"))?;
        let sign = if is_negative { Sign::Minus } else { Sign::Plus };
        Ok(Expression::Int(BigInt::from_biguint(sign, magnitude)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &str) -> String {
        hex::encode(Expression::parse(text).expect(text).encode())
    }

    #[test]
    fn text_has_the_bytes_of_the_layer_1() {
        for (text, bytes) in [
            ("0", "0000"),
            ("-1", "0041"),
            ("64", "008001"),
            ("300", "00ac04"),
            ("\"a\\n\"", "0100000002610a"),
            ("0x00ff", "0a0000000200ff"),
            ("0x", "0a00000000"),
            ("Unit", "030b"),
            ("Pair Unit False", "0707030b0303"),
            ("(Some (Left 1))", "050905050001"),
            ("Pair 1 2 3", "09070000000600010002000300000000"),
            ("{}", "0200000000"),
            ("{ 1 ; Elt 1 2; }", "02000000080001070400010002"),
            ("Pair %a 1 2 # note", "080700010002000000022561"),
            ("/* a */ Some :t @v 1", "06090001000000053a74204076"),
        ] {
            assert_eq!(encoded(text), bytes, "{text}");
            let expression = Expression::parse(text).unwrap();
            let encoded = expression.encode();
            assert_eq!(Expression::decode_prefix(&encoded), Some((expression, &[][..])), "{text}");
        }
    }

    #[test]
    fn json_is_that_of_the_layer_1() {
        let expression = Expression::parse("Pair %a (Left 12345678901234567890123) { \"x\"; 0x00 }").unwrap();
        let expected = concat!(
            r#"{ "prim": "Pair", "args": [ "#,
            r#"{ "prim": "Left", "args": [ { "int": "12345678901234567890123" } ] }, "#,
            r#"[ { "string": "x" }, { "bytes": "00" } ] ], "annots": [ "%a" ] }"#
        );
        assert_eq!(expression.to_json().flat(), expected);
    }

    #[test]
    fn a_text_that_is_none_says_where() {
        for (text, at) in [
            ("", 0),
            ("Pear 1 2", 0),
            ("Pair 1 (2", 9),
            ("{ 1 2 }", 4),
            ("\"a", 2),
            ("\"a\\x\"", 3),
            ("0x0", 0),
            ("-", 0),
            ("1 2", 2),
            ("(1", 2),
            ("/* a", 0),
            ("Pair 1 \u{e9}", 7),
        ] {
            let fault = Expression::parse(text).expect_err(text);
            assert_eq!(fault.at, at, "{text}: {fault}");
        }
        let deep = ["(".repeat(5_000), "1".to_owned(), ")".repeat(5_000)].concat();
        assert_eq!(Expression::parse(&deep).map_err(|fault| fault.what), Err("nested too deeply"));
        let deep = [[5, 9].repeat(5_000), vec![0, 1]].concat();
        assert_eq!(Expression::decode_prefix(&deep), None);
    }

    proptest! {
        #[test]
        fn numbers_survive(number in any::<i128>()) {
            let text = number.to_string();
            let expression = Expression::parse(&text).unwrap();
            let encoded = expression.encode();
            let (decoded, rest) = Expression::decode_prefix(&encoded).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(decoded, Expression::Int(number.into()));
            prop_assert_eq!(text, number.to_string());
        }

        #[test]
        fn no_bytes_and_no_text_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,60}") {
            if let Some((expression, rest)) = Expression::decode_prefix(&bytes) {
                prop_assert!(expression.encode().len() <= bytes.len() - rest.len());
            }
            let _ = Expression::parse(&text);
        }
    }
}
