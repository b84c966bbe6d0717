// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads TOML into tables, keys and values with their offsets. The crate `toml_parser` reports
//! events with their spans and continues after an error. A file with an error is refused as a whole,
//! so the events after the error are never used.

use crate::error::ConfigFlaw;
use std::borrow::Cow;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, Expected, ParseError, Raw, Source, Span};

/// The maximum depth of brackets in each other. The parser calls itself for each, and a program may
/// have a small stack.
const MAX_DEPTH: usize = 8;

/// A value and its offset in the text.
#[derive(Debug)]
pub struct At<T> {
    pub value: T,
    pub offset: usize,
}

/// A key, with one part for each dot in it and one more.
pub type Key<'a> = Vec<At<Cow<'a, str>>>;

/// A value of the types that the configuration file has.
#[derive(Debug)]
pub enum Value<'a> {
    String(Cow<'a, str>),
    Boolean(bool),
    Array(Vec<At<Value<'a>>>),
    /// A number, a time, an inline table, or an array in an array.
    Other,
}

/// A header of a table, or a key with its value.
#[derive(Debug)]
pub enum Item<'a> {
    Header { key: Key<'a>, is_array: bool, offset: usize },
    Pair { key: Key<'a>, value: At<Value<'a>> },
}

/// Returns the items of a text, or its first error and the offset of that.
pub fn parse(text: &str) -> Result<Vec<Item<'_>>, At<ConfigFlaw>> {
    if text.starts_with('\u{feff}') {
        return Err(At { value: ConfigFlaw::ByteOrderMark, offset: 0 });
    }
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    check_depth(&tokens)?;
    let mut receiver = Receiver {
        source,
        items: Vec::new(),
        key: Vec::new(),
        header: None,
        pending: None,
        containers: Vec::new(),
        elements: Vec::new(),
    };
    let mut syntax = FirstError { error: None, end: text.len() };
    parse_document(&tokens, &mut receiver, &mut syntax);
    match syntax.error {
        Some(error) => Err(error),
        None => Ok(receiver.items),
    }
}

/// Returns an error if brackets are nested too deeply. A bracket of another kind than the last open
/// one closes nothing, neither here nor in the parser. The events of the parser cannot be counted
/// instead: after an error it reports the end of arrays whose beginning it has not reported.
fn check_depth(tokens: &[Token]) -> Result<(), At<ConfigFlaw>> {
    let mut open = Vec::with_capacity(MAX_DEPTH);
    for token in tokens {
        let closing = match token.kind() {
            TokenKind::LeftSquareBracket => TokenKind::RightSquareBracket,
            TokenKind::LeftCurlyBracket => TokenKind::RightCurlyBracket,
            kind => {
                if open.last() == Some(&kind) {
                    open.pop();
                }
                continue;
            }
        };
        if open.len() >= MAX_DEPTH {
            return Err(At { value: ConfigFlaw::TooDeep, offset: token.span().start() });
        }
        open.push(closing);
    }
    Ok(())
}

/// The error with the smallest offset.
struct FirstError {
    error: Option<At<ConfigFlaw>>,
    /// The length of the text.
    end: usize,
}

impl ErrorSink for FirstError {
    fn report_error(&mut self, error: ParseError) {
        let span = error.unexpected().or(error.context());
        let offset = span.map_or(self.end, |span| span.start().min(self.end));
        if self.error.as_ref().is_none_or(|first| offset < first.offset) {
            // Several tokens are possible if the place is in a string or a number.
            let expected = match error.expected() {
                Some([only]) => missing(only),
                _ => None,
            };
            self.error = Some(At { value: ConfigFlaw::Syntax(expected), offset });
        }
    }
}

/// Returns the words for a token that the parser misses.
fn missing(expected: &Expected) -> Option<&'static str> {
    Some(match expected {
        Expected::Literal("=") => "\"=\"",
        Expected::Literal(",") => "a comma",
        Expected::Literal("]" | "]]") => "a closing bracket",
        Expected::Literal("\"" | "'" | "\"\"\"" | "'''") => "a quote",
        Expected::Description("key") => "a key",
        Expected::Description("value") => "a value",
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Container {
    Array,
    Table,
}

struct Receiver<'a> {
    source: Source<'a>,
    items: Vec<Item<'a>>,
    /// The parts of the key or header that is being read.
    key: Key<'a>,
    /// The header that is being read: whether it is that of an array, and its offset.
    header: Option<(bool, usize)>,
    /// The key whose value is being read.
    pending: Option<Key<'a>>,
    /// The arrays and inline tables that are open, the outermost first.
    containers: Vec<At<Container>>,
    /// The elements of the outermost array.
    elements: Vec<At<Value<'a>>>,
}

impl<'a> Receiver<'a> {
    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Option<Raw<'a>> {
        let text = self.source.input().get(span.start()..span.end())?;
        Some(Raw::new_unchecked(text, encoding, span))
    }

    /// Adds a value to the key or the array that it belongs to.
    fn put(&mut self, value: Value<'a>, offset: usize) {
        match self.containers.as_slice() {
            [] => {
                if let Some(key) = self.pending.take() {
                    self.items.push(Item::Pair { key, value: At { value, offset } });
                }
            }
            [At { value: Container::Array, .. }] => self.elements.push(At { value, offset }),
            _ => {}
        }
    }

    fn open(&mut self, container: Container, span: Span) {
        self.containers.push(At { value: container, offset: span.start() });
    }

    fn close(&mut self) {
        let Some(At { value: container, offset }) = self.containers.pop() else { return };
        let value = match (container, self.containers.is_empty()) {
            (Container::Array, true) => Value::Array(std::mem::take(&mut self.elements)),
            _ => Value::Other,
        };
        self.put(value, offset);
    }

    fn close_header(&mut self) {
        let key = std::mem::take(&mut self.key);
        if let Some((is_array, offset)) = self.header.take() {
            self.items.push(Item::Header { key, is_array, offset });
        }
    }

    fn open_header(&mut self, is_array: bool, span: Span) {
        self.key.clear();
        self.header = Some((is_array, span.start()));
    }
}

impl EventReceiver for Receiver<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.open_header(false, span);
    }

    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close_header();
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.open_header(true, span);
    }

    fn array_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close_header();
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.open(Container::Table, span);
        true
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close();
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.open(Container::Array, span);
        true
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close();
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let Some(raw) = self.raw(span, encoding) else { return };
        let mut name = Cow::Borrowed("");
        raw.decode_key(&mut name, error);
        if self.containers.is_empty() {
            self.key.push(At { value: name, offset: span.start() });
        }
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        if self.containers.is_empty() {
            self.pending = Some(std::mem::take(&mut self.key));
        }
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let Some(raw) = self.raw(span, encoding) else { return };
        let mut text = Cow::Borrowed("");
        let value = match raw.decode_scalar(&mut text, error) {
            ScalarKind::String => Value::String(text),
            ScalarKind::Boolean(value) => Value::Boolean(value),
            _ => Value::Other,
        };
        self.put(value, span.start());
    }

    fn comment(&mut self, span: Span, error: &mut dyn ErrorSink) {
        if let Some(raw) = self.raw(span, None) {
            raw.decode_comment(error);
        }
    }

    fn newline(&mut self, span: Span, error: &mut dyn ErrorSink) {
        if let Some(raw) = self.raw(span, None) {
            raw.decode_newline(error);
        }
    }
}
