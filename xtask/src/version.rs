//! Version numbers as tools print them.

/// A version `major.minor`. Later parts are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Creates the version `major.minor`.
    pub(crate) const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Returns the first word of `output` that parses as a version, with or without a leading `v`.
    pub(crate) fn find_in(output: &str) -> Option<Self> {
        output.split_whitespace().find_map(|word| {
            let mut parts = word.strip_prefix('v').unwrap_or(word).split('.');
            let major = parts.next()?.parse().ok()?;
            let minor = parts.next()?.parse().ok()?;
            Some(Self::new(major, minor))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_tools_print() {
        let cases = [
            ("nats-server: v2.10.26\n", Some(Version::new(2, 10))),
            ("v20.20.2\n", Some(Version::new(20, 20))),
            (
                "pip 23.2.1 from /usr/lib (python 3.11)",
                Some(Version::new(23, 2)),
            ),
            ("nats-server: v2.15.1-beta.3", Some(Version::new(2, 15))),
            ("command not found", None),
            ("", None),
        ];
        for (output, expected) in cases {
            assert_eq!(Version::find_in(output), expected, "{output}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(Version::new(2, 9) < Version::new(2, 10));
        assert!(Version::new(3, 0) > Version::new(2, 15));
    }
}
