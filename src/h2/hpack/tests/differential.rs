//! Compares our decoder with libnghttp2 and loona-hpack on the same blocks and changing
//! limits, and our encoder with their decoders.
//!
//! `GOAWAY_BLOCKS` says how many blocks there are, about.

mod generate;
mod nghttp2;

use super::super::{Decoder, Encoder, Error};
use crate::header_list::HeaderList;
use crate::testing::Dice;
use generate::{Step, conversation, fields};

/// A field of a section, with whether it is never to be indexed.
type Field = (Vec<u8>, Vec<u8>, bool);
/// The result of a decoder for a block.
type Decoded = Result<Vec<Field>, Error>;

/// About how many blocks a conversation has.
const BLOCKS: usize = 10;

/// How many conversations a round has.
const CONVERSATIONS: usize = 2000;

/// Runs rounds with other seeds until `GOAWAY_BLOCKS` is reached.
fn rounds(round: impl Fn(&mut Dice)) {
    let blocks = std::env::var("GOAWAY_BLOCKS").map_or(0, |count| count.parse().expect("a number of blocks"));
    (0..=blocks / (BLOCKS * CONVERSATIONS)).for_each(|seed| round(&mut Dice::new(seed as u64)));
}

fn list(fields: &HeaderList) -> Vec<Field> {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec(), field.is_sensitive)).collect()
}

/// Decodes the blocks of a conversation with our decoder, up to the first error.
fn ours(steps: &[Step]) -> Vec<Decoded> {
    let mut decoder = Decoder::new(4096);
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::Limit(limit) => decoder.set_limit(*limit),
            Step::Block(block) => {
                let mut fields = HeaderList::new();
                let decoded = decoder.decode(block, &mut fields, |_, _, _| true).map(|_| list(&fields));
                let is_over = decoded.is_err();
                all.push(decoded);
                if is_over {
                    break;
                }
            }
        }
    }
    all
}

/// The same with loona-hpack, which does not report never-indexed fields.
fn loonas(steps: &[Step]) -> Vec<Decoded> {
    let mut decoder = loona_hpack::Decoder::new();
    decoder.set_max_allowed_table_size(4096);
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::Limit(limit) => decoder.set_max_allowed_table_size(*limit as usize),
            Step::Block(block) => {
                let decoded = decoder.decode(block).map_err(|_| Error);
                let is_over = decoded.is_err();
                all.push(decoded.map(|fields| fields.into_iter().map(|(name, value)| (name, value, false)).collect()));
                if is_over {
                    break;
                }
            }
        }
    }
    all
}

/// Whether this is the known difference to libnghttp2: after a lower limit, an empty
/// block does not announce the table size. We keep waiting for the announcement,
/// libnghttp2 does not.
fn waits_for_update(steps: &[Step]) -> bool {
    let is_empty = |step: &Step| matches!(step, Step::Block(block) if block.is_empty());
    let is_limit = |step: &Step| matches!(step, Step::Limit(_));
    steps.iter().position(is_limit).is_some_and(|at| steps[at..].iter().any(is_empty))
}

/// The limits up to a block, and the block.
fn until(steps: &[Step], block: usize) -> String {
    let is_block = |step: &&Step| matches!(step, Step::Block(_));
    let at = steps.iter().enumerate().filter(|(_, step)| is_block(step)).nth(block).map_or(0, |(at, _)| at);
    let shown = steps[..=at].iter().enumerate().filter(|(other, step)| !is_block(step) || *other == at);
    format!("{:x?}", shown.collect::<Vec<_>>())
}

#[test]
fn blocks_decode_as_in_libnghttp2() {
    rounds(|dice| {
        let all: Vec<_> = (0..CONVERSATIONS).map(|_| conversation(dice)).collect();
        let theirs = nghttp2::decode(&all);
        let (mut alike, mut refused, mut explained) = (0, 0, 0);
        for (steps, theirs) in all.iter().zip(&theirs) {
            let ours = ours(steps);
            match ours == theirs[..ours.len()] {
                true => {
                    refused += usize::from(ours.last().is_some_and(Result::is_err));
                    alike += ours.iter().filter(|decoded| decoded.is_ok()).count();
                }
                false if waits_for_update(steps) => explained += 1,
                false => {
                    let at = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs).expect("they differ");
                    panic!("{}: {:?}, but libnghttp2 {:?}", until(steps, at), ours[at], theirs[at]);
                }
            }
        }
        println!("{alike} blocks alike, {refused} refused by both, {explained} differences explained");
        assert!(alike > all.len() && refused > all.len() / 8 && explained <= all.len() / 100);
    });
}

/// loona-hpack accepts size updates anywhere, and does not require one after a lower
/// limit. It refuses blocks that contain only size updates.
#[test]
fn blocks_decode_as_in_loona_hpack() {
    rounds(|dice| {
        // It takes about ten times as long.
        let conversations = CONVERSATIONS / 10;
        let (mut alike, mut refused, mut laxer, mut stricter) = (0, 0, 0, 0);
        for _ in 0..conversations {
            let steps = conversation(dice);
            for (at, (ours, theirs)) in ours(&steps).into_iter().zip(loonas(&steps)).enumerate() {
                match (ours, theirs) {
                    (Ok(mut ours), Ok(theirs)) => {
                        ours.iter_mut().for_each(|(_, _, is_sensitive)| *is_sensitive = false);
                        assert_eq!(ours, theirs, "{steps:x?}");
                        alike += 1;
                    }
                    (Err(_), Err(_)) => refused += 1,
                    (Err(_), Ok(_)) => laxer += 1,
                    (Ok(ours), Err(_)) if ours.is_empty() => stricter += 1,
                    (Ok(ours), Err(_)) => panic!("{}: {ours:?}, which loona-hpack refuses", until(&steps, at)),
                }
            }
        }
        println!("{alike} blocks alike, {refused} refused by both, {laxer} by us only, {stricter} by it only");
        assert!(alike > conversations && refused > conversations / 8);
    });
}

#[test]
fn other_decoders_read_our_blocks() {
    rounds(|dice| {
        let (mut all, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..CONVERSATIONS {
            let mut encoder = Encoder::new();
            let (mut steps, mut sections) = (Vec::new(), Vec::new());
            for _ in 0..BLOCKS {
                while dice.roll(4) == 0 {
                    let limit = *dice.pick(&[0, 60, 100, 500, 4096, 65_536]);
                    encoder.set_limit(limit);
                    steps.push(Step::Limit(limit));
                }
                let section = fields(dice);
                let mut block = Vec::new();
                encoder.begin(&mut block);
                section.iter().for_each(|(name, value, mark)| encoder.field(name, value, *mark, &mut block));
                steps.push(Step::Block(block));
                sections.push(Ok(section));
            }
            assert_eq!(ours(&steps), sections, "{steps:x?}");
            all.push(steps);
            expected.push(sections);
        }
        for ((steps, theirs), expected) in all.iter().zip(nghttp2::decode(&all)).zip(&expected) {
            assert_eq!(&theirs, expected, "{steps:x?}");
        }
    });
}

#[test]
fn blocks_of_other_encoders_decode() {
    rounds(|dice| {
        let all: Vec<_> = (0..CONVERSATIONS)
            .map(|_| {
                let section = |dice: &mut Dice| {
                    let limit = (dice.roll(4) == 0).then(|| *dice.pick(&[0, 60, 100, 500, 4096]));
                    (limit, fields(dice))
                };
                (0..BLOCKS).map(|_| section(dice)).collect::<Vec<_>>()
            })
            .collect();
        for (sections, blocks) in all.iter().zip(nghttp2::encode(&all)) {
            let mut steps = Vec::new();
            for ((limit, _), block) in sections.iter().zip(blocks) {
                steps.extend(limit.map(Step::Limit));
                steps.push(Step::Block(block));
            }
            // libnghttp2 marks short cookies as never indexed.
            let is_secret = |name: &[u8], value: &[u8]| name == b"cookie" && value.len() < 20;
            let marked = |(name, value, mark): &Field| (name.clone(), value.clone(), *mark || is_secret(name, value));
            let expected = |fields: &[Field]| Ok(fields.iter().map(marked).collect());
            let expected: Vec<_> = sections.iter().map(|(_, fields)| expected(fields)).collect();
            assert_eq!(ours(&steps), expected, "{steps:x?}");
        }
        let mut encoder = loona_hpack::Encoder::new();
        let mut decoder = Decoder::new(4096);
        for _ in 0..CONVERSATIONS {
            let section = fields(dice);
            let block = encoder.encode(section.iter().map(|(name, value, _)| (&**name, &**value)));
            let mut decoded = HeaderList::new();
            decoder.decode(&block, &mut decoded, |_, _, _| true).unwrap();
            let expected: Vec<_> = section.into_iter().map(|(name, value, _)| (name, value, false)).collect();
            assert_eq!(list(&decoded), expected, "{block:x?}");
        }
    });
}
