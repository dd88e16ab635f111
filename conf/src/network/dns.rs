//! `<dns>`: what the network's name server answers.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::net::IpAddr;

use oxivirt_core::Result;

use super::detail;
use crate::xml::{Element, Node, Value, Writer, YesNo};

/// `<dns enable='yes' forwardPlainNames='no'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dns {
    pub enable: Option<YesNo>,
    /// Whether names without a dot are asked from the host's name servers.
    pub forward_plain_names: Option<YesNo>,
    pub forwarders: Vec<Forwarder>,
    pub txts: Vec<DnsTxt>,
    pub srvs: Vec<DnsSrv>,
    pub hosts: Vec<DnsHost>,
}

/// `<forwarder domain='example.com' addr='192.168.1.1'/>`; one of the two at least.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarder {
    pub domain: Option<String>,
    pub addr: Option<IpAddr>,
}

/// `<txt name='example' value='example value'/>`.
///
/// The value may be absent where a record is only named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsTxt {
    pub name: String,
    pub value: Option<String>,
}

/// `<srv service='name' protocol='tcp' domain='d' target='.' port='1024' priority='10' weight='10'/>`.
///
/// Service and protocol may be absent where a record is only named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsSrv {
    pub service: Option<String>,
    pub protocol: Option<String>,
    pub domain: Option<String>,
    pub target: Option<String>,
    /// From 1.
    pub port: Option<u16>,
    pub priority: Option<u16>,
    pub weight: Option<u16>,
}

/// `<host ip='192.168.122.2'><hostname>myhost</hostname></host>`.
///
/// The address may be absent where a record is only named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsHost {
    pub ip: Option<IpAddr>,
    pub hostnames: Vec<String>,
}

impl Element for Dns {
    fn parse(node: Node<'_>) -> Result<Self> {
        fn list<T>(node: Node<'_>, name: &str, read: impl Fn(Node<'_>) -> Result<T>) -> Result<Vec<T>> {
            node.children_named(name).map(read).collect::<Result<Vec<_>>>().map(|mut found| {
                found.shrink_to_fit();
                found
            })
        }
        let dns = Self {
            enable: node.value("enable")?,
            forward_plain_names: node.value("forwardPlainNames")?,
            forwarders: node.child_elements("forwarder")?,
            txts: list(node, "txt", |txt| DnsTxt::parse(txt, false))?,
            srvs: list(node, "srv", |srv| DnsSrv::parse(srv, false))?,
            hosts: list(node, "host", |host| DnsHost::parse(host, false))?,
        };
        Ok(dns)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("enable", self.enable.as_ref());
        w.attr_opt("forwardPlainNames", self.forward_plain_names.as_ref());
        w.elements("forwarder", &self.forwarders);
        self.txts.iter().for_each(|txt| txt.write(w));
        self.srvs.iter().for_each(|srv| srv.write(w));
        self.hosts.iter().for_each(|host| host.write(w));
    }
}

impl Dns {
    /// Whether it is switched off and lists something nevertheless.
    pub(super) fn contradicts(&self) -> bool {
        let empty = self.forwarders.is_empty() && self.txts.is_empty() && self.srvs.is_empty() && self.hosts.is_empty();
        self.enable == Some(YesNo::No) && !empty
    }
}

impl Element for Forwarder {
    fn parse(node: Node<'_>) -> Result<Self> {
        let forwarder = Self { domain: node.value("domain")?, addr: node.value("addr")? };
        match forwarder.domain.is_none() && forwarder.addr.is_none() {
            true => Err(node.error("attribute 'addr' or 'domain' is missing")),
            false => Ok(forwarder),
        }
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("domain", self.domain.as_ref());
        w.attr_opt("addr", self.addr.as_ref());
    }
}

impl DnsTxt {
    /// Reads a record, or with `partial` what names one.
    pub(super) fn parse(node: Node<'_>, partial: bool) -> Result<Self> {
        let Some(name) = node.attr("name") else {
            return Err(detail(node, "attribute 'name' of a TXT record is missing"));
        };
        if name.contains([' ', ',']) {
            return Err(detail(node, format_args!("name '{name}' of a TXT record has a blank or comma")));
        }
        let value = node.attr("value").map(str::to_owned);
        if value.is_none() && !partial {
            return Err(detail(node, format_args!("attribute 'value' of the TXT record '{name}' is missing")));
        }
        Ok(Self { name: name.to_owned(), value })
    }

    fn write(&self, w: &mut Writer) {
        w.open("txt");
        w.attr("name", &self.name);
        w.attr_opt("value", self.value.as_ref());
        w.close();
    }
}

impl DnsSrv {
    /// Reads a record, or with `partial` what names some.
    pub(super) fn parse(node: Node<'_>, partial: bool) -> Result<Self> {
        let word = |name: &str, others: &str| {
            let Some(text) = node.attr(name) else {
                return match partial {
                    true => Ok(None),
                    false => Err(detail(node, format_args!("attribute '{name}' of an SRV record is missing"))),
                };
            };
            match text.chars().find(|c| !c.is_ascii_alphanumeric() && !others.contains(*c)) {
                Some(wrong) => {
                    Err(detail(node, format_args!("attribute '{name}' is '{text}', '{wrong}' is not allowed")))
                }
                None => Ok(Some(text.to_owned())),
            }
        };
        let (service, protocol) = (word("service", "_-*+/")?, word("protocol", "-+/")?);
        let target: Option<String> = node.value("target")?;
        let number = |name: &str, least: u16| {
            let Some(text) = node.attr(name) else { return Ok(None) };
            if target.is_none() && !partial {
                return Err(detail(node, format_args!("attribute '{name}' of an SRV record needs 'target'")));
            }
            match u16::parse_value(text).filter(|n| *n >= least) {
                None => Err(detail(node, format_args!("attribute '{name}' is '{text}', allowed: {least} to 65535"))),
                number => Ok(number),
            }
        };
        let port = number("port", 1)?;
        // Zero is what the answer says anyway.
        let priority = number("priority", 0)?.filter(|n| *n > 0);
        let weight = number("weight", 0)?.filter(|n| *n > 0);
        Ok(Self { service, protocol, domain: node.value("domain")?, port, priority, weight, target })
    }

    fn write(&self, w: &mut Writer) {
        w.open("srv");
        w.attr_opt("service", self.service.as_ref());
        w.attr_opt("protocol", self.protocol.as_ref());
        w.attr_opt("domain", self.domain.as_ref());
        w.attr_opt("target", self.target.as_ref());
        w.attr_opt("port", self.port.as_ref());
        w.attr_opt("priority", self.priority.as_ref());
        w.attr_opt("weight", self.weight.as_ref());
        w.close();
    }
}

impl DnsHost {
    /// Reads a record, or with `partial` what names one.
    pub(super) fn parse(node: Node<'_>, partial: bool) -> Result<Self> {
        let ip = match node.attr("ip") {
            None if partial => None,
            None => return Err(detail(node, "attribute 'ip' of a host is missing")),
            Some(text) => match IpAddr::parse_value(text) {
                None => return Err(detail(node, format_args!("attribute 'ip' is '{text}', no IP address"))),
                ip => ip,
            },
        };
        let mut hostnames = Vec::new();
        for name in node.children_named("hostname") {
            let text = name.text().into_owned();
            if text.is_empty() {
                return Err(detail(name, "the name of a host is missing"));
            }
            hostnames.push(text);
        }
        if hostnames.is_empty() && (!partial || ip.is_none()) {
            return Err(detail(node, "element 'hostname' is missing"));
        }
        hostnames.shrink_to_fit();
        Ok(Self { ip, hostnames })
    }

    fn write(&self, w: &mut Writer) {
        w.open("host");
        w.attr_opt("ip", self.ip.as_ref());
        for name in &self.hostnames {
            w.leaf("hostname", name);
        }
        w.close();
    }
}
