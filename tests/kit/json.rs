//! A minimal JSON parser for the output of the demo. Its numbers are integers.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub fn parse(text: &str) -> Result<Value, String> {
        let mut reader = Reader { rest: text };
        let value = reader.value()?;
        reader.skip_space();
        match reader.rest {
            "" => Ok(value),
            rest => Err(format!("something follows the value: {rest:?}")),
        }
    }

    /// The member `name` of an object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Object(members) = self else {
            return None;
        };
        let (_, value) = members.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Value]> {
        match self {
            Value::List(values) => Some(values),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, wanted: &str) -> Result<(), String> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(format!("{wanted:?} wanted at {:?}", self.rest)),
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.list(),
            Some('"') => self.text().map(Value::Text),
            Some('-' | '0'..='9') => self.number(),
            _ if self.take("null") => Ok(Value::Null),
            _ if self.take("true") => Ok(Value::Bool(true)),
            _ if self.take("false") => Ok(Value::Bool(false)),
            _ => Err(format!("no value at {:?}", self.rest)),
        }
    }

    fn object(&mut self) -> Result<Value, String> {
        self.need("{")?;
        let mut members = Vec::new();
        while !self.take("}") {
            if !members.is_empty() {
                self.need(",")?;
            }
            let name = self.text()?;
            self.need(":")?;
            members.push((name, self.value()?));
        }
        Ok(Value::Object(members))
    }

    fn list(&mut self) -> Result<Value, String> {
        self.need("[")?;
        let mut values = Vec::new();
        while !self.take("]") {
            if !values.is_empty() {
                self.need(",")?;
            }
            values.push(self.value()?);
        }
        Ok(Value::List(values))
    }

    fn number(&mut self) -> Result<Value, String> {
        let digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
        let length = self.rest.find(|c| !digit(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(length);
        self.rest = rest;
        match number.parse() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Err(format!("not an integer: {number}")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        self.need("\"")?;
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some('"') => break,
                Some('\\') => text.push(escaped(&mut chars)?),
                Some(c) => text.push(c),
                None => return Err("a text without end".to_string()),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }
}

fn escaped(chars: &mut std::str::Chars) -> Result<char, String> {
    match chars.next() {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some('r') => Ok('\r'),
        Some(c @ ('"' | '\\' | '/')) => Ok(c),
        Some('u') => {
            let digits: String = chars.take(4).collect();
            let number = u32::from_str_radix(&digits, 16).ok();
            let c = number.and_then(char::from_u32);
            c.ok_or_else(|| format!("a bad escape: \\u{digits}"))
        }
        other => Err(format!("an unknown escape: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_report() {
        let report = Value::parse(r#"{"sessions_graceful": 3, "elapsed_ms":-1}"#).unwrap();
        let number = |name| report.get(name).and_then(Value::number);
        assert_eq!(number("sessions_graceful"), Some(3));
        assert_eq!(number("elapsed_ms"), Some(-1));
        assert_eq!(number("absent"), None);
    }

    #[test]
    fn reads_a_list_of_sessions() {
        let text = r#" [ {"peer":"127.0.0.1:1","x":null,"y":true}, "a\"\\\n\u00e9" , [] ] "#;
        let value = Value::parse(text).unwrap();
        let values = value.list().unwrap();
        let peer = values[0].get("peer").and_then(Value::text);
        assert_eq!(peer, Some("127.0.0.1:1"));
        assert_eq!(values[1].text(), Some("a\"\\\n\u{e9}"));
        assert_eq!(values[2], Value::List(vec![]));
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in ["", "{", "[1 2]", "{\"a\":1,}", "1.5", "[] []", "\"a", "nul"] {
            assert!(Value::parse(text).is_err(), "{text}");
        }
    }
}
