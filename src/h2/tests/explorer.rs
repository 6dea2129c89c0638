//! Every order of what a client and a host may do around a shutdown, up to a
//! number of steps: the model of the client checks each of them, and at its end
//! every stream has ended and the session is over.

use crate::h2::check::Connection;

/// Steps, as the check's programs write them.
const STEPS: [&[u8]; 14] = [
    // The client: requests without and with content, content and its end, a
    // trailer section, a reset, more window for a stream and for all, the answer
    // to the newest PING.
    &[12, 0, 0, 0, 255],
    &[12, 0, 129, 0, 255],
    &[0, 0, 20],
    &[0, 128, 20],
    &[5, 0],
    &[6, 8],
    &[7, 2],
    &[22, 0],
    // The host: a head, as much content as there is room for, a whole response, a reset.
    &[161, 0],
    &[166, 0],
    &[167, 0],
    &[169, 64],
    // The shutdown in two steps.
    &[178, 0],
    &[178, 60],
];

/// What each begins with: a client's settings, of windows of 0, of 7 and of more
/// than is sent, and a request.
const BEGINNINGS: [&[u8]; 3] = [&[1, 4, 0, 12, 0, 0, 0, 255], &[1, 4, 1, 12, 0, 129, 0, 255], &[0, 12, 0, 129, 0, 255]];

/// Runs all programs of that many steps more; how many.
fn explore(program: &mut Vec<u8>, steps: u32) -> u32 {
    if steps == 0 {
        Connection::run(program, usize::MAX, true);
        return 1;
    }
    let length = program.len();
    let each = STEPS.iter().map(|step| {
        program.extend_from_slice(step);
        let count = explore(program, steps - 1);
        program.truncate(length);
        count
    });
    each.sum()
}

#[test]
fn every_order_ends() {
    let steps = std::env::var("EXPLORER_STEPS").map_or(3, |text| text.parse().expect("a number of steps"));
    for beginning in BEGINNINGS {
        assert_eq!(explore(&mut beginning.to_vec(), steps), (STEPS.len() as u32).pow(steps));
    }
}
