//! Sockets that the service manager has opened: systemd's socket activation
//! (`sd_listen_fds(3)`).

use std::os::fd::RawFd;

/// The first descriptor that is passed.
const FIRST: RawFd = 3;
/// An upper bound for the number of passed descriptors.
const MOST: RawFd = 10_000;

/// The descriptors that were passed to the process `pid`: all, or those with `name`.
/// `variable` reads the environment, which stays unchanged.
pub fn descriptors(
    name: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
    pid: u32,
) -> Result<Vec<RawFd>, String> {
    let count = variable("LISTEN_FDS").ok_or("no socket was passed: LISTEN_FDS is not set")?;
    let whom = variable("LISTEN_PID").ok_or("no socket was passed: LISTEN_PID is not set")?;
    if whom.parse() != Ok(pid) {
        return Err(format!("the sockets are for the process {whom}, and this is {pid}"));
    }
    let count = count.parse().ok().filter(|count| (0..=MOST).contains(count));
    let count = count.ok_or("LISTEN_FDS is no number of descriptors")?;
    if count == 0 {
        return Err("no socket was passed: LISTEN_FDS is 0".into());
    }
    let Some(name) = name else { return Ok((FIRST..FIRST + count).collect()) };
    let names = variable("LISTEN_FDNAMES").ok_or("the sockets have no names: LISTEN_FDNAMES is not set")?;
    let named: Vec<_> = (FIRST..FIRST + count).zip(names.split(':')).filter(|(_, one)| *one == name).collect();
    match named.is_empty() {
        true => Err(format!("no socket of the name \"{name}\" was passed; there is {names:?}")),
        false => Ok(named.into_iter().map(|(descriptor, _)| descriptor).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: Option<&str>, said: [Option<&str>; 3]) -> Result<Vec<RawFd>, String> {
        let names = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];
        let at = |variable: &str| names.iter().position(|name| *name == variable).unwrap();
        descriptors(name, |variable| said[at(variable)].map(str::to_owned), 7)
    }

    #[test]
    fn all_or_those_of_a_name() {
        let said = [Some("3"), Some("7"), Some("web:admin:web")];
        assert_eq!(ask(None, said).unwrap(), [3, 4, 5]);
        assert_eq!(ask(Some("web"), said).unwrap(), [3, 5]);
        assert_eq!(ask(Some("admin"), said).unwrap(), [4]);
        assert_eq!(ask(None, [Some("1"), Some("7"), None]).unwrap(), [3]);
    }

    #[test]
    fn what_is_not_there_says_so() {
        for (name, said, why) in [
            (None, [None, None, None], "LISTEN_FDS is not set"),
            (None, [Some("1"), None, None], "LISTEN_PID is not set"),
            (None, [Some("1"), Some("8"), None], "for the process 8"),
            (None, [Some("1"), Some("x"), None], "for the process x"),
            (None, [Some("0"), Some("7"), None], "LISTEN_FDS is 0"),
            (None, [Some("-1"), Some("7"), None], "no number"),
            (None, [Some("99999999"), Some("7"), None], "no number"),
            (None, [Some("one"), Some("7"), None], "no number"),
            (Some("web"), [Some("1"), Some("7"), None], "LISTEN_FDNAMES is not set"),
            (Some("web"), [Some("1"), Some("7"), Some("admin:web")], "no socket of the name"),
        ] {
            let error = ask(name, said).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
