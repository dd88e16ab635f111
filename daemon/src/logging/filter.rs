//! Filters: `LEVEL:NAME`, separated by blanks.

use super::Level;

/// The level of the sources whose name fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Records less important than this are dropped.
    pub(crate) level: Level,
    name: String,
}

impl Filter {
    /// Reads a list such as `1:qemu 3:util.*`.
    ///
    /// Errors: what is wrong, naming the part.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split_whitespace().map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (number, name) = text.split_once(':').ok_or_else(|| format!("'{text}' is not LEVEL:NAME"))?;
        let level = number.parse().ok().and_then(Level::from_number);
        let level = level.ok_or_else(|| format!("'{number}' in '{text}' is no level from 1 to 4"))?;
        // The plus asked for stack traces long ago and is still seen.
        let name = name.strip_prefix('+').unwrap_or(name);
        match name.is_empty() {
            true => Err(format!("'{text}' names no source")),
            false => Ok(Self { level, name: name.to_owned() }),
        }
    }

    /// Whether the filter is about this source. Sources are module paths;
    /// `qemu.monitor` finds `oxivirt_driver_qemu::monitor`.
    pub(crate) fn fits(&self, source: &str) -> bool {
        let source = source.replace("::", ".");
        let mut rest = source.as_str();
        // Without a star the name may stand anywhere.
        self.name.split('*').filter(|part| !part.is_empty()).all(|part| match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }

    /// How exact the filter is.
    pub(crate) fn weight(&self) -> usize {
        self.name.len()
    }

    /// The filter as it is written.
    pub(crate) fn describe(&self) -> String {
        format!("{}:{}", self.level as u8, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_or_refused_by_name() {
        let filters = Filter::parse_list(" 1:qemu  4:util.* ").expect("valid");
        assert_eq!(filters.iter().map(Filter::describe).collect::<Vec<_>>(), ["1:qemu", "4:util.*"]);
        for bad in ["qemu", "5:qemu", "0:qemu", "x:qemu", "1:", "1:+"] {
            let error = Filter::parse_list(bad).expect_err(bad);
            assert!(error.contains(bad), "{error}");
        }
    }

    #[test]
    fn stars_and_parts_fit() {
        let fits = |filter: &str, source: &str| Filter::parse_list(filter).expect("valid")[0].fits(source);
        assert!(fits("1:qemu", "oxivirt_driver_qemu::process"));
        assert!(fits("1:qemu*monitor", "oxivirt_driver_qemu::sys::monitor"));
        assert!(!fits("1:monitor*qemu", "oxivirt_driver_qemu::monitor"));
        assert!(fits("1:daemon.client", "oxivirtd::daemon::client"));
    }
}
