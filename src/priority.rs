//! The priorities of responses (RFC 9218), given by peers and hosts.

/// When a response is sent, in relation to others (RFC 9218, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// From 0, the most urgent, to 7.
    pub urgency: u8,
    /// Whether the peer can use a part of the response. It then takes turns with others
    /// of its urgency.
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { urgency: 3, incremental: false }
    }
}

/// The parameters in a `priority` field or a PRIORITY_UPDATE frame (RFC 9218, section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pub urgency: Option<u8>,
    pub incremental: Option<bool>,
}

impl Parameters {
    /// Parses a field value: a dictionary (RFC 8941, section 3.2) with two known keys.
    /// `None` if it is not a dictionary.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parser = Parser { rest: value.trim_ascii() };
        let mut parameters = Self::default();
        if parser.rest.is_empty() {
            return Some(parameters);
        }
        loop {
            let key = parser.key()?;
            let item = parser.member()?;
            // A value of another type or range is ignored.
            match (key, item) {
                (b"u", Item::Integer(urgency @ 0..=7)) => parameters.urgency = Some(urgency as u8),
                (b"u", _) => parameters.urgency = None,
                (b"i", Item::Boolean(incremental)) => parameters.incremental = Some(incremental),
                (b"i", _) => parameters.incremental = None,
                _ => {}
            }
            parser.skip_blanks();
            if parser.rest.is_empty() {
                return Some(parameters);
            }
            parser.expect(b',')?;
            parser.skip_blanks();
        }
    }

    /// The earlier priority, changed by these parameters. The `priority` field of a
    /// response changes the priority of its request in this way (RFC 9218, section 8).
    pub fn applied_to(self, before: Priority) -> Priority {
        Priority {
            urgency: self.urgency.unwrap_or(before.urgency),
            incremental: self.incremental.unwrap_or(before.incremental),
        }
    }

    /// The parameters in all `priority` fields of a section, which form one list.
    pub fn of_fields<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut all = Self::default();
        for value in values {
            let Some(more) = Self::parse(value) else { return Self::default() };
            all.urgency = more.urgency.or(all.urgency);
            all.incremental = more.incremental.or(all.incremental);
        }
        all
    }
}

/// A bare item (RFC 8941, section 3.3), as far as it is used.
enum Item {
    Integer(u32),
    Boolean(bool),
    Other,
}

/// A parser of structured fields (RFC 8941, section 4.2).
struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn take_while(&mut self, is_it: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !is_it(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip_blanks(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        match self.rest.first()? {
            b'a'..=b'z' | b'*' => {}
            _ => return None,
        }
        Some(self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    /// The value of a member after its key. Without one it is true.
    fn member(&mut self) -> Option<Item> {
        let item = match self.rest.first() {
            Some(b'=') => {
                self.expect(b'=')?;
                if self.rest.first() == Some(&b'(') { self.inner_list()? } else { self.bare_item()? }
            }
            _ => Item::Boolean(true),
        };
        self.parameters()?;
        Some(item)
    }

    fn parameters(&mut self) -> Option<()> {
        while self.expect(b';').is_some() {
            self.take_while(|byte| byte == b' ');
            self.key()?;
            if self.expect(b'=').is_some() {
                self.bare_item()?;
            }
        }
        Some(())
    }

    fn inner_list(&mut self) -> Option<Item> {
        self.expect(b'(')?;
        loop {
            self.take_while(|byte| byte == b' ');
            if self.expect(b')').is_some() {
                return Some(Item::Other);
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.rest.first()?, b' ' | b')') {
                return None;
            }
        }
    }

    fn bare_item(&mut self) -> Option<Item> {
        match *self.rest.first()? {
            b'0'..=b'9' | b'-' => self.number(),
            b'?' => {
                self.expect(b'?')?;
                let (digit, rest) = self.rest.split_first()?;
                self.rest = rest;
                match digit {
                    b'0' => Some(Item::Boolean(false)),
                    b'1' => Some(Item::Boolean(true)),
                    _ => None,
                }
            }
            b'"' => self.string(),
            b':' => {
                self.expect(b':')?;
                self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
                self.expect(b':')?;
                Some(Item::Other)
            }
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                self.take_while(is_of_token);
                Some(Item::Other)
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        let is_negative = self.expect(b'-').is_some();
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let is_decimal = self.expect(b'.').is_some();
        let fraction = if is_decimal { self.take_while(|byte| byte.is_ascii_digit()).len() } else { 1 };
        let most = if is_decimal { 12 } else { 15 };
        if digits.is_empty() || digits.len() > most || !(1..=3).contains(&fraction) {
            return None;
        }
        let value = digits.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        Some(match u32::try_from(value) {
            Ok(value) if !is_decimal && (!is_negative || value == 0) => Item::Integer(value),
            _ => Item::Other,
        })
    }

    fn string(&mut self) -> Option<Item> {
        self.expect(b'"')?;
        loop {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return Some(Item::Other),
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    if !matches!(escaped, b'"' | b'\\') {
                        return None;
                    }
                }
                b' '..=b'~' => {}
                _ => return None,
            }
        }
    }
}
