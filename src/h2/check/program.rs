//! Decodes bytes as a program: what a client sends and what a host does.

use super::client::frame;
use crate::setting::{Setting, id};

/// A call of the host.
pub enum Act {
    /// The call that the host makes from now on when a request arrives.
    AtOnce(u8),
    Head {
        place: u8,
        status: u16,
        is_last: bool,
    },
    Data {
        place: u8,
        length: usize,
        is_last: bool,
    },
    Respond(u8),
    Reset {
        place: u8,
        code: u32,
    },
    Consume {
        place: u8,
        bytes: u64,
    },
    Inform(u8),
    Trailers(u8),
    Push(u8),
    Ping(u8),
    KeepAlive,
    Goaway {
        code: u32,
        last_stream: u32,
    },
    Extension(u8),
    Windows {
        session: u32,
        stream: u32,
    },
    Settings(Vec<Setting>),
    Announce,
    LastCall,
    End {
        code: u32,
        last_stream: Option<u32>,
    },
    Time(u64),
}

pub enum Step {
    Send(Vec<u8>),
    Act(Act),
}

pub struct Program<'a> {
    rest: std::slice::Iter<'a, u8>,
    has_begun: bool,
    next_stream: u32,
    acknowledged: u32,
    /// The host has made the table smaller, which the next block has to announce.
    owes_update: bool,
}

impl<'a> Program<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.iter(), has_begun: false, next_stream: 1, acknowledged: 0, owes_update: false }
    }

    fn byte(&mut self) -> Option<u8> {
        self.rest.next().copied()
    }

    /// The next step. `sent`: the PINGs that the client has received.
    pub fn next(&mut self, sent: &[[u8; 8]]) -> Option<Step> {
        if !self.has_begun {
            self.has_begun = true;
            let settings = self.settings()?;
            return Some(Step::Send([&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat()));
        }
        let what = self.byte()?;
        let with = self.byte()?;
        Some(if what < 150 { Step::Send(self.client(what, with, sent)?) } else { Step::Act(self.host(what, with)?) })
    }

    /// A stream, mostly a recent one of the client.
    fn stream(&mut self, with: u8) -> u32 {
        let recent = self.next_stream.saturating_sub(2 + 2 * u32::from(with % 8)).max(1);
        match with % 128 {
            0..=123 => recent,
            124 => self.next_stream,
            125 => 4,
            _ => 2,
        }
    }

    fn new_stream(&mut self, with: u8) -> u32 {
        let stream = match with {
            255 => return self.stream(3),
            250..=254 => self.next_stream + 4,
            _ => self.next_stream,
        };
        self.next_stream = stream + 2;
        stream
    }

    fn settings(&mut self) -> Option<Vec<u8>> {
        let mut payload = Vec::new();
        for _ in 0..self.byte()? % 4 {
            let (id, value) = (self.byte()?, self.byte()?);
            let value = match (id % 8, value) {
                (5, 0..=250) => 16_384 + u32::from(value),
                (4, 180..=250) => 50_000 + u32::from(value),
                (4, 251..) => 0x7fff_ffff - u32::from(value) % 2,
                (2 | 3, 0..=253) => u32::from(value % 2),
                _ => u32::from(value) * 7,
            };
            payload.extend([0, id % 8]);
            payload.extend(value.to_be_bytes());
        }
        Some(frame(4, 0, 0, &payload))
    }

    /// A header block with fields that are often valid.
    fn block(&mut self, what: u8) -> Option<Vec<u8>> {
        let field = |name: &str, value: &str| {
            [&[0x40, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
        };
        let methods = ["GET", "POST", "GET", "POST", "HEAD", "CONNECT", "PUT", "GET", "POST", "POST", "GET", "G T"];
        let method = methods[usize::from(what) % 12];
        let begin = match method {
            "CONNECT" => [field(":method", method), field(":authority", "a.example:1")].concat(),
            "GET" => [&[0x82, 0x86, 0x84][..], &field(":authority", "a.example")].concat(),
            _ => [&field(":method", method)[..], &[0x86, 0x84], &field(":authority", "a.example")].concat(),
        };
        let mut block = [self.update(), begin].concat();
        match self.byte()? {
            0..=30 => block.extend(field("content-length", "7")),
            31..=60 => block.extend(field("priority", "u=1, i")),
            61..=70 => block.extend(field("x", &"long".repeat(30)).repeat(1 + usize::from(what) % 20)),
            71..=73 => block.extend(field("Bad", "x")),
            // An index of the dynamic table, or a name of the static table.
            index @ 74..=80 => block.push(0xbe + index % 2),
            index @ 81..=150 => block.push(0x80 + 15 + index % 47),
            151 => block.push(self.byte()?),
            _ => {}
        }
        Some(block)
    }

    /// A dynamic table size update, if one is required (RFC 7541, section 6.3).
    fn update(&mut self) -> Vec<u8> {
        let size = super::LIMITS.header_table_bytes - 31;
        let update = vec![0x3f, 0x80 | size as u8, (size >> 7) as u8];
        if std::mem::take(&mut self.owes_update) { update } else { Vec::new() }
    }

    fn headers(&mut self, with: u8) -> Option<Vec<u8>> {
        let (what, cut) = (self.byte()?, self.byte()?);
        let stream = self.new_stream(with);
        let block = self.block(what)?;
        let end_stream = u8::from(what < 128);
        if cut < 200 {
            return Some(frame(1, 4 | end_stream, stream, &block));
        }
        let (start, end) = block.split_at(usize::from(cut) % block.len());
        let padded = [&[3, 0, 0, 0, cut % 4, 16][..], start, &[0; 3]].concat();
        let first = frame(1, end_stream | 8 | 0x20, stream, &padded);
        Some([first, frame(9, 0, stream, &[]), frame(9, 4, stream, end)].concat())
    }

    fn client(&mut self, what: u8, with: u8, sent: &[[u8; 8]]) -> Option<Vec<u8>> {
        let kind = if self.next_stream == 1 { what % 6 + 12 } else { what % 24 };
        let stream = if kind < 12 { self.stream(with) } else { 0 };
        Some(match kind {
            0..=3 => {
                let length = usize::from(self.byte()?);
                frame(0, with >> 7, stream, &vec![b'c'; length])
            }
            4 => {
                let padding = self.byte()?;
                let padding = if padding == 255 { padding } else { padding % 101 };
                frame(0, 8 | with >> 7, stream, &[&[padding][..], &[0; 100]].concat())
            }
            5 => {
                let section = [0x40, 1, b't', 1, b'a' + with % 26];
                frame(1, 5, stream, &[&self.update()[..], &section].concat())
            }
            6 => frame(3, 0, stream, &[0, 0, 0, with]),
            7 | 8 => frame(8, 0, stream, &[0, 0, with % 3, with]),
            9 => frame(2, 0, stream, &[0, 0, 0, if with < 250 { 0 } else { stream as u8 }, 0]),
            10 => frame(16, 0, 0, &[&stream.to_be_bytes()[..], b"u=2, i"].concat()),
            11 => frame(if with < 128 { 99 } else { 0 }, with & 0x7e, stream, &vec![0; usize::from(with) % 128]),
            12..=17 => self.headers(with)?,
            18 => frame(8, 0, 0, &[0, 0, with, 1]),
            19 if with < 200 => self.settings()?,
            19 => frame(16, 0, 0, &[&(self.next_stream + 2).to_be_bytes()[..], b"u=0"].concat()),
            20 => {
                self.acknowledged += 1;
                self.owes_update |= self.acknowledged == 1;
                frame(4, 1, 0, &[])
            }
            21 => frame(6, 0, 0, &[with; 8]),
            22 => {
                let known = sent.len().checked_sub(1).map(|last| sent[last - usize::from(with) % (last + 1)]);
                frame(6, 1, 0, &known.unwrap_or([with; 8]))
            }
            _ if with < 20 => frame(7, 0, 0, &[0, 0, 0, with, 0, 0, 0, 0]),
            // Any bytes.
            _ if with > 253 => (0..9).map_while(|_| self.byte()).collect(),
            _ => frame(6, 0, 0, &[with; 8]),
        })
    }

    fn host(&mut self, what: u8, with: u8) -> Option<Act> {
        let (place, upper) = (with % 8, with / 8);
        let status = [200, 200, 404, 204, 304][usize::from(upper) % 5];
        Some(match what % 20 {
            0 => Act::AtOnce(with % 5),
            1..=3 => Act::Head { place, status, is_last: upper == 7 },
            4 | 5 => Act::Data { place, length: usize::from(upper) * 40, is_last: with.is_multiple_of(2) },
            6 => Act::Data { place, length: 40_000, is_last: true },
            7 | 8 => Act::Respond(place),
            9 => Act::Reset { place, code: upper.into() },
            10 | 11 => Act::Consume { place, bytes: u64::from(upper) * 30 },
            12 => Act::Inform(place),
            13 => Act::Trailers(place),
            14 => Act::Push(place),
            15 => match upper % 4 {
                0 => Act::KeepAlive,
                1 => Act::Goaway { code: place.into(), last_stream: (upper / 4).into() },
                2 => Act::Extension(place),
                _ => Act::Ping(with),
            },
            // The limits that the model checks do not change. Nor does the host change
            // the client's table, which follows from the first acknowledgement.
            16 if place > 5 => Act::Settings(match upper % 4 {
                0 => vec![Setting { id: id::MAX_CONCURRENT_STREAMS, value: u32::from(upper) % 7 }],
                1 => vec![Setting { id: id::INITIAL_WINDOW_SIZE, value: u32::from(with) * 7 }],
                2 => vec![Setting { id: id::MAX_FRAME_SIZE, value: 16_384 + u32::from(upper) }],
                _ => vec![
                    Setting { id: id::MAX_HEADER_LIST_SIZE, value: 200 + u32::from(upper) * 50 },
                    Setting { id: 0xf000, value: with.into() },
                ],
            }),
            16 => Act::Windows {
                session: if place < 2 { 65_535 + u32::from(with) * 100 } else { 0 },
                stream: u32::from(with) * 5,
            },
            17 => Act::Time(u64::from(with) * 10),
            18 if with < 60 => Act::Announce,
            18 if with < 90 => Act::LastCall,
            18 if with < 100 => {
                let last_stream = Some(u32::from(place)).filter(|_| with.is_multiple_of(2));
                Act::End { code: place.into(), last_stream }
            }
            _ => Act::Consume { place, bytes: u64::MAX },
        })
    }
}
