//! A setting that the server sends (RFC 9113, section 6.5.1), and its possible values.

use crate::config::Limit;
use crate::error::{Error, Result};

/// Identifiers (RFC 9113, section 6.5.2; RFC 8441, section 3; RFC 9218, section 2.1).
pub mod id {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 0x1;
    pub(crate) const ENABLE_PUSH: u16 = 0x2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 0x5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    pub(crate) const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;
    pub(crate) const NO_RFC7540_PRIORITIES: u16 = 0x9;
}

/// The most settings of one frame. Clients refuse frames with many: nghttp2 those with
/// more than 32.
const MOST: usize = 32;

/// The most settings that the host may add to the first frame.
const MOST_FIRST: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub id: u16,
    pub value: u32,
}

impl Setting {
    pub fn new(id: u32, value: u32) -> Result<Self> {
        let narrow = u16::try_from(id);
        let id =
            narrow.map_err(|_| Error::invalid(format_args!("{id} is no identifier of a setting: it has 16 bits")))?;
        Ok(Self { id, value })
    }

    /// The values that a server may send after its first SETTINGS frame.
    fn range(self) -> (u64, u64) {
        match self.id {
            id::HEADER_TABLE_SIZE => Limit::named("HEADER_TABLE_BYTES").range(),
            // A client cannot push.
            id::ENABLE_PUSH => (0, 0),
            id::MAX_CONCURRENT_STREAMS => (0, Limit::named("CONCURRENT_STREAMS").range().1),
            id::INITIAL_WINDOW_SIZE => Limit::named("STREAM_WINDOW_BYTES").range(),
            id::MAX_FRAME_SIZE => Limit::named("FRAME_BYTES").range(),
            id::MAX_HEADER_LIST_SIZE => Limit::named("HEADER_LIST_BYTES").range(),
            id::ENABLE_CONNECT_PROTOCOL => (0, 1),
            // It was sent in the first frame, and must not change.
            id::NO_RFC7540_PRIORITIES => (1, 1),
            _ => (0, u32::MAX.into()),
        }
    }

    fn check(self) -> Result<()> {
        let (least, most) = self.range();
        match (least..=most).contains(&self.value.into()) {
            true => Ok(()),
            false => Err(Error::invalid(format_args!(
                "{} is outside {least} to {most}, which the setting {} takes",
                self.value, self.id
            ))),
        }
    }

    /// Whether the library sends this setting in the first frame, or obeys it.
    fn is_known(self) -> bool {
        matches!(self.id, id::HEADER_TABLE_SIZE..=id::MAX_HEADER_LIST_SIZE)
            || matches!(self.id, id::ENABLE_CONNECT_PROTOCOL | id::NO_RFC7540_PRIORITIES)
    }
}

/// Whether the settings may be sent in one frame during a session.
pub fn check(settings: &[Setting]) -> Result<()> {
    check_list(settings, MOST)?;
    settings.iter().try_for_each(|setting| setting.check())
}

/// Whether the settings may be added to the first frame: only unknown ones.
pub fn check_first(settings: &[Setting]) -> Result<()> {
    check_list(settings, MOST_FIRST)?;
    match settings.iter().find(|setting| setting.is_known()) {
        None => Ok(()),
        Some(known) => Err(Error::invalid(format_args!(
            "the library sends the setting {} itself; its value is a limit or a feature of the server",
            known.id
        ))),
    }
}

fn check_list(settings: &[Setting], most: usize) -> Result<()> {
    if settings.len() > most {
        return Err(Error::TooLarge(format!("{} settings; {most} are allowed", settings.len())));
    }
    let is_second = |(at, setting): (usize, &Setting)| settings[..at].iter().any(|other| other.id == setting.id);
    match settings.iter().enumerate().find(|(at, setting)| is_second((*at, setting))) {
        None => Ok(()),
        Some((_, setting)) => Err(Error::invalid(format_args!("the setting {} stands there twice", setting.id))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(id: u16, value: u32) -> Setting {
        Setting { id, value }
    }

    #[test]
    fn values_have_ranges() {
        const MOST: u32 = u32::MAX;
        for (id, good, bad) in [
            (1, &[0, 1 << 20][..], &[(1 << 20) + 1, MOST][..]),
            (2, &[0], &[1, 2, MOST]),
            (3, &[0, 1, 100_000], &[100_001, MOST]),
            (4, &[0, (1 << 31) - 1], &[1 << 31, MOST]),
            (5, &[16_384, (1 << 24) - 1], &[0, 16_383, 1 << 24, MOST]),
            (6, &[1, 1 << 20], &[0, (1 << 20) + 1, MOST]),
            (8, &[0, 1], &[2, MOST]),
            (9, &[1], &[0, 2, MOST]),
            (0, &[0, MOST], &[]),
            (7, &[0, MOST], &[]),
            (0xffff, &[0, MOST], &[]),
        ] {
            good.iter().for_each(|value| assert!(check(&[setting(id, *value)]).is_ok(), "{id} {value}"));
            bad.iter().for_each(|value| {
                let checked = check(&[setting(1000, 1), setting(id, *value)]);
                assert!(matches!(checked, Err(Error::Invalid(_))), "{id} {value}");
            });
        }
        assert!(matches!(Setting::new(0x1_0000, 0), Err(Error::Invalid(_))));
        assert_eq!(Setting::new(0xffff, 5).unwrap(), setting(0xffff, 5));
    }

    #[test]
    fn a_frame_has_few_settings_and_none_twice() {
        let many: Vec<_> = (100..133).map(|id| setting(id, 0)).collect();
        assert!(check(&[]).is_ok() && check(&many[..32]).is_ok() && check_first(&many[..16]).is_ok());
        assert!(matches!(check(&many), Err(Error::TooLarge(_))));
        assert!(matches!(check_first(&many[..17]), Err(Error::TooLarge(_))));
        assert!(matches!(check(&[setting(4, 1), setting(4, 1)]), Err(Error::Invalid(_))));
        assert!(matches!(check_first(&[setting(40, 1), setting(40, 2)]), Err(Error::Invalid(_))));
    }

    #[test]
    fn the_first_frame_takes_only_others() {
        for id in [1, 2, 3, 4, 5, 6, 8, 9] {
            assert!(matches!(check_first(&[setting(id, 1)]), Err(Error::Invalid(_))), "{id}");
        }
        for id in [0, 7, 10, 0xffff] {
            assert!(check_first(&[setting(id, u32::MAX)]).is_ok(), "{id}");
        }
    }
}
