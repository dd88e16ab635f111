//! From values to text, in libvirt's style.

use super::escape::push_escaped;
use super::{Element, Value};

/// What a printed document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteMode {
    /// Run-time facts: ids, aliases, labels, allocated ports.
    pub live: bool,
    /// Passwords and keys.
    pub secure: bool,
    /// Only what the other side of a migration understands.
    pub migratable: bool,
    /// A status file of this daemon: everything, in its own form.
    pub status: bool,
}

/// Prints a document: two blanks per level, single quotes, `/>` without a
/// blank; an element without content is closed at once.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    frames: Vec<Frame>,
    mode: WriteMode,
    base: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Attributes may follow.
    Open,
    /// Text was written.
    Text,
    /// Children were written.
    Children,
}

#[derive(Debug)]
struct Frame {
    /// Where to cut, and the state of the parent, if this is dropped.
    start: usize,
    parent: State,
    name: std::ops::Range<usize>,
    state: State,
}

impl Writer {
    /// An empty text.
    pub fn new(mode: WriteMode) -> Self {
        Self { out: String::with_capacity(8192), frames: Vec::with_capacity(16), mode, base: 0 }
    }

    /// Starts `levels` levels in, for a part of a larger document.
    pub fn indented(mut self, levels: usize) -> Self {
        self.base = levels;
        self
    }

    /// What is to be shown.
    pub fn mode(&self) -> WriteMode {
        self.mode
    }

    /// The finished text; what is still open is closed.
    pub fn finish(mut self) -> String {
        while !self.frames.is_empty() {
            self.close();
        }
        self.out
    }

    fn begin(&mut self) -> (usize, State) {
        let start = self.out.len();
        let mut before = State::Children;
        if let Some(frame) = self.frames.last_mut() {
            before = frame.state;
            if before == State::Open {
                self.out.push_str(">\n");
            }
            frame.state = State::Children;
        }
        self.indent(self.frames.len());
        (start, before)
    }

    fn indent(&mut self, depth: usize) {
        const BLANKS: &str = "                                                                ";
        let mut width = 2 * (depth + self.base);
        while width > 0 {
            let part = width.min(BLANKS.len());
            self.out.push_str(BLANKS.get(..part).unwrap_or_default());
            width -= part;
        }
    }

    /// Opens an element; attributes follow, then children or text.
    pub fn open(&mut self, name: &str) {
        let (start, parent) = self.begin();
        self.out.push('<');
        let from = self.out.len();
        self.out.push_str(name);
        self.frames.push(Frame { start, parent, name: from..self.out.len(), state: State::Open });
    }

    /// Closes the innermost element.
    pub fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        match frame.state {
            State::Open => {
                self.out.push_str("/>\n");
                return;
            }
            State::Children => self.indent(self.frames.len()),
            State::Text => {}
        }
        self.out.push_str("</");
        self.out.extend_from_within(frame.name);
        self.out.push_str(">\n");
    }

    /// Closes the innermost element, or takes it back if it has neither
    /// attributes nor content.
    pub fn close_or_drop(&mut self) {
        let bare = self.frames.last().is_some_and(|f| f.state == State::Open && self.out.len() == f.name.end);
        if !bare {
            return self.close();
        }
        if let Some(frame) = self.frames.pop() {
            self.out.truncate(frame.start);
            if let Some(parent) = self.frames.last_mut() {
                parent.state = frame.parent;
            }
        }
    }

    /// Makes the open element print a closing tag of its own even without
    /// children.
    pub fn force_children(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.state == State::Open
        {
            frame.state = State::Children;
            self.out.push_str(">\n");
        }
    }

    /// Writes an attribute of the open element.
    pub fn attr<V: Value>(&mut self, name: &str, value: &V) {
        self.attr_start(name);
        value.write_value(&mut self.out);
        self.out.push('\'');
    }

    /// Writes an attribute if there is a value.
    pub fn attr_opt<V: Value>(&mut self, name: &str, value: Option<&V>) {
        if let Some(value) = value {
            self.attr(name, value);
        }
    }

    /// Writes an attribute with this text.
    pub fn attr_str(&mut self, name: &str, value: &str) {
        self.attr_start(name);
        push_escaped(&mut self.out, value);
        self.out.push('\'');
    }

    /// Writes an attribute as `0x` and at least `width` digits.
    pub fn attr_hex(&mut self, name: &str, value: impl Into<u64>, width: usize) {
        use std::fmt::Write;
        self.attr_start(name);
        // Writing to a String does not fail.
        let _ = write!(self.out, "0x{:0width$x}'", value.into());
    }

    fn attr_start(&mut self, name: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("='");
    }

    /// Writes the text of the open element.
    pub fn text<V: Value>(&mut self, value: &V) {
        self.begin_text();
        value.write_value(&mut self.out);
    }

    /// Writes this text into the open element.
    pub fn text_str(&mut self, value: &str) {
        self.begin_text();
        push_escaped(&mut self.out, value);
    }

    fn begin_text(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            if frame.state == State::Open {
                self.out.push('>');
            }
            frame.state = State::Text;
        }
    }

    /// Writes `<name/>`.
    pub fn flag(&mut self, name: &str) {
        self.open(name);
        self.close();
    }

    /// Writes `<name>value</name>`.
    pub fn leaf<V: Value>(&mut self, name: &str, value: &V) {
        self.open(name);
        self.text(value);
        self.close();
    }

    /// Writes `<name>value</name>` if there is a value.
    pub fn leaf_opt<V: Value>(&mut self, name: &str, value: Option<&V>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    /// Writes `<name>text</name>`.
    pub fn leaf_str(&mut self, name: &str, value: &str) {
        self.open(name);
        self.text_str(value);
        self.close();
    }

    /// Writes a value as the element `name`.
    pub fn element<E: Element>(&mut self, name: &str, value: &E) {
        self.open(name);
        value.format(self);
        self.close();
    }

    /// Writes a value as the element `name` unless nothing is inside.
    pub fn element_unless_empty<E: Element>(&mut self, name: &str, value: &E) {
        self.open(name);
        value.format(self);
        self.close_or_drop();
    }

    /// Writes all values, each as an element `name`.
    pub fn elements<E: Element>(&mut self, name: &str, values: &[E]) {
        for value in values {
            self.element(name, value);
        }
    }

    /// Puts in text that is printed already, line end included.
    pub(crate) fn verbatim(&mut self, print: impl FnOnce(&mut String, usize)) {
        let (_, _) = self.begin();
        let level = self.frames.len() + self.base;
        print(&mut self.out, level);
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_elements_close_at_once_and_dropped_ones_leave_no_trace() {
        let mut w = Writer::new(WriteMode::default());
        w.open("a");
        w.open("b");
        w.open("c");
        w.close_or_drop();
        w.close_or_drop();
        w.attr_str("x", "<'\"&>\u{1}");
        w.close();
        assert_eq!(w.finish(), "<a x='&lt;&apos;&quot;&amp;&gt;'/>\n");
    }

    #[test]
    fn children_are_indented_and_text_is_not() {
        let mut w = Writer::new(WriteMode::default()).indented(1);
        w.open("a");
        w.leaf("n", &7_u32);
        w.open("devices");
        w.force_children();
        assert_eq!(w.finish(), "  <a>\n    <n>7</n>\n    <devices>\n    </devices>\n  </a>\n");
    }

    #[test]
    fn numbers_print_their_extremes() {
        let mut w = Writer::new(WriteMode::default());
        w.open("a");
        w.attr("u", &u64::MAX);
        w.attr("i", &i64::MIN);
        w.attr("z", &0_u8);
        w.attr_hex("h", 0x1f_u8, 4);
        assert_eq!(w.finish(), "<a u='18446744073709551615' i='-9223372036854775808' z='0' h='0x001f'/>\n");
    }
}
