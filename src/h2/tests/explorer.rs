//! Runs every order of the steps of a client and a host around a shutdown, up to a number
//! of steps. The model of the client checks each step. At the end every stream and the
//! session have ended.

use crate::h2::check::Connection;

/// The steps, encoded as the programs of the check.
const STEPS: [&[u8]; 14] = [
    // The client: requests without and with content, content, the end of content,
    // trailers, a reset, WINDOW_UPDATE for a stream and for the session, and the
    // acknowledgement of the newest PING.
    &[12, 0, 0, 0, 255],
    &[12, 0, 129, 0, 255],
    &[0, 0, 20],
    &[0, 128, 20],
    &[5, 0],
    &[6, 8],
    &[7, 2],
    &[22, 0],
    // The host: a head, as much content as the windows allow, a whole response, a reset.
    &[161, 0],
    &[166, 0],
    &[167, 0],
    &[169, 64],
    // The two steps of the shutdown.
    &[178, 0],
    &[178, 60],
];

/// How each program begins: SETTINGS of the client with windows of 0, of 7, and of more
/// than is sent; and a request.
const BEGINNINGS: [&[u8]; 3] = [&[1, 4, 0, 12, 0, 0, 0, 255], &[1, 4, 1, 12, 0, 129, 0, 255], &[0, 12, 0, 129, 0, 255]];

/// Runs all programs with `more` further steps. Returns how many.
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
fn every_order_of_steps_ends() {
    let steps = std::env::var("EXPLORER_STEPS").map_or(3, |text| text.parse().expect("a number of steps"));
    for beginning in BEGINNINGS {
        assert_eq!(explore(&mut beginning.to_vec(), steps), (STEPS.len() as u32).pow(steps));
    }
}
