//! `@ipMatch`, `@ipMatchFromFile`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Files, OperatorError};

/// Disjoint address ranges in order, so that a list of any length is searched in logarithmic time.
#[derive(Debug)]
pub(super) struct Networks(Vec<(IpAddr, IpAddr)>);

impl Networks {
    /// Addresses and networks separated by commas.
    pub(super) fn from_argument(argument: &str) -> Result<Self, OperatorError> {
        Self::collect("ipMatch", argument.split(','))
    }

    /// A file with addresses and networks, separated by commas or line ends; `#` begins a comment.
    pub(super) fn from_files(argument: &str, files: &dyn Files) -> Result<Self, OperatorError> {
        const NAME: &str = "ipMatchFromFile";
        let path = argument.trim();
        let fault = |why: String| OperatorError::File { name: NAME, path: path.to_owned(), why };
        let text = String::from_utf8(files.read(path).map_err(fault)?).map_err(|_| fault("it is no text".to_owned()))?;
        let lines = text.lines().filter_map(|line| line.split('#').next());
        Self::collect(NAME, lines.flat_map(|line| line.split(',')))
    }

    fn collect<'a>(name: &'static str, items: impl Iterator<Item = &'a str>) -> Result<Self, OperatorError> {
        let written = items.map(str::trim).filter(|item| !item.is_empty());
        let networks: Result<Vec<IpNet>, OperatorError> = written
            .map(|item| {
                let why = "expected an address, or an address and a prefix length";
                network(item).ok_or_else(|| OperatorError::Argument { name, argument: item.to_owned(), why })
            })
            .collect();
        let mut ranges: Vec<_> = IpNet::aggregate(&networks?).iter().map(|net| (net.network(), net.broadcast())).collect();
        ranges.sort_unstable();
        Ok(Self(ranges))
    }

    /// Whether the value is an address in one of the networks.
    pub(super) fn contain(&self, value: &[u8]) -> bool {
        let Some(address) = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<IpAddr>().ok()) else {
            return false;
        };
        let address = address.to_canonical();
        let after = self.0.partition_point(|(first, _)| *first <= address);
        self.0.get(..after).and_then(<[_]>::last).is_some_and(|(_, last)| address <= *last)
    }
}

/// An address alone is a network of one. What is IPv4 written as IPv6 (`::ffff:0:0/96`) is IPv4.
fn network(item: &str) -> Option<IpNet> {
    let network: IpNet = item.parse().ok().or_else(|| item.parse().ok().map(IpAddr::into))?;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (address @ IpAddr::V4(_), Some(prefix)) => IpNet::new(address, prefix).ok(),
        _ => Some(network),
    }
}
