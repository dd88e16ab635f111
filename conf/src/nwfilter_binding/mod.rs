//! `<filterbinding>`: the filter of one network card of a running guest.

use oxivirt_core::Result;
use uuid::Uuid;

use crate::domain::devices::MacAddress;
use crate::nwfilter::FilterReference;
use crate::xml::{Document, Element, Node, WriteMode, Writer};

/// A filter in force on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NwFilterBinding {
    /// The name of the guest.
    pub owner_name: String,
    /// The uuid of the guest.
    pub owner_uuid: Uuid,
    /// The host's device of the card; a device has one binding.
    pub port_dev: String,
    /// The device it is attached to, where rules need to know.
    pub link_dev: Option<String>,
    /// The card's hardware address.
    pub mac: MacAddress,
    /// The filter and the values of its variables.
    pub filter: FilterReference,
}

const STATUS: &str = "filterbindingstatus";

impl NwFilterBinding {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` for text that is no XML, `XML_ERROR` for another
    /// outermost element, for what is missing, and for a malformed uuid or
    /// hardware address.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.qualified_name() != "filterbinding" {
            return Err(root.error(format_args!("expecting root element of 'filterbinding', not '{}'", root.name())));
        }
        Element::parse(root)
    }

    /// Reads a status file: the same inside `<filterbindingstatus>`.
    pub fn parse_status(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.qualified_name() != STATUS {
            return Err(root.error(format_args!("expecting root element of '{STATUS}', not '{}'", root.name())));
        }
        let binding = root.child("filterbinding").ok_or_else(|| root.missing_child("filterbinding"))?;
        Element::parse(binding)
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("filterbinding", self);
        w.finish()
    }

    /// Prints a status file.
    pub fn format_status(&self) -> String {
        let mut w = Writer::new(WriteMode { status: true, ..WriteMode::default() });
        w.open(STATUS);
        w.element("filterbinding", self);
        w.close();
        w.finish()
    }
}

/// The first child called `name` whose attribute is there and not empty.
fn named<'d>(node: Node<'d>, name: &str, attribute: &str) -> Result<Option<&'d str>> {
    let Some(child) = node.child(name) else { return Ok(None) };
    child.attr(attribute).filter(|text| !text.is_empty()).map(Some).ok_or_else(|| child.missing_attr(attribute))
}

impl Element for NwFilterBinding {
    fn parse(node: Node<'_>) -> Result<Self> {
        let require =
            |name: &str, attribute: &str| named(node, name, attribute)?.ok_or_else(|| node.missing_child(name));
        let owner = node.child("owner").ok_or_else(|| node.missing_child("owner"))?;
        let owner_name = owner.child_text("name").filter(|name| !name.is_empty());
        let address = require("mac", "address")?;
        Ok(Self {
            owner_name: owner_name.ok_or_else(|| owner.missing_child("name"))?.into_owned(),
            owner_uuid: owner.child_value("uuid")?.ok_or_else(|| owner.missing_child("uuid"))?,
            port_dev: require("portdev", "name")?.to_owned(),
            link_dev: named(node, "linkdev", "name")?.map(str::to_owned),
            mac: address.parse().map_err(|()| node.bad_attr("address", address, "a hardware address"))?,
            filter: node.child_element("filterref")?.ok_or_else(|| node.missing_child("filterref"))?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.open("owner");
        w.leaf("name", &self.owner_name);
        w.leaf("uuid", &self.owner_uuid);
        w.close();
        for (element, device) in [("portdev", Some(&self.port_dev)), ("linkdev", self.link_dev.as_ref())] {
            if let Some(device) = device {
                w.open(element);
                w.attr("name", device);
                w.close();
            }
        }
        w.open("mac");
        w.attr("address", &self.mac);
        w.close();
        w.element("filterref", &self.filter);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use oxivirt_core::ErrorCode;

    use super::*;

    const OWNER: &str = "<owner><name>n</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>";
    const MAC: &str = "<mac address='52:54:00:7b:35:93'/>";

    #[test]
    fn all_parts_and_the_status_form() {
        let text = format!(
            "<filterbinding>{OWNER}<portdev name='vnet0'/>{MAC}<linkdev name='eth0'/><filterref filter='f'>\
             <parameter name='IP' value='1.2.3.4'/><parameter name='A' value='2'/><parameter name='A' value='1'/>\
             <parameter name='A b' value='1'/><parameter name='A' value=''/></filterref></filterbinding>"
        );
        let binding = NwFilterBinding::parse(&text).unwrap();
        assert_eq!(binding.filter.parameters["A"], ["2", "1"]);
        let printed = "  <filterbinding>
    <owner>
      <name>n</name>
      <uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid>
    </owner>
    <portdev name='vnet0'/>
    <linkdev name='eth0'/>
    <mac address='52:54:00:7b:35:93'/>
    <filterref filter='f'>
      <parameter name='A' value='2'/>
      <parameter name='A' value='1'/>
      <parameter name='IP' value='1.2.3.4'/>
    </filterref>
  </filterbinding>
";
        let status = format!("<filterbindingstatus>\n{printed}</filterbindingstatus>\n");
        assert_eq!(binding.format_status(), status);
        assert_eq!(binding.format(), printed.replace("\n  ", "\n").trim_start().to_owned());
        assert_eq!(NwFilterBinding::parse_status(&status).unwrap(), binding);
        assert_eq!(NwFilterBinding::parse(&binding.format()).unwrap(), binding);
    }

    #[test]
    fn malformed_documents_are_refused() {
        let (port, filter) = ("<portdev name='a'/>", "<filterref filter='f'/>");
        assert!(NwFilterBinding::parse(&format!("<filterbinding>{OWNER}{port}{MAC}{filter}</filterbinding>")).is_ok());
        for inside in [
            format!("{port}{MAC}{filter}"),
            format!("{OWNER}{MAC}{filter}"),
            format!("{OWNER}{port}{filter}"),
            format!("{OWNER}{port}{MAC}"),
            format!("{OWNER}{port}{MAC}<filterref/>"),
            format!("{OWNER}{port}<mac/>{filter}"),
            format!("{OWNER}{port}<mac address='x'/>{filter}"),
            format!("{OWNER}<portdev/>{MAC}{filter}"),
            format!("{OWNER}{port}<linkdev/>{MAC}{filter}"),
            format!("<owner><name>n</name></owner>{port}{MAC}{filter}"),
            format!("<owner><name>n</name><uuid>x</uuid></owner>{port}{MAC}{filter}"),
            format!("{}{port}{MAC}{filter}", OWNER.replace(">n<", "><")),
        ] {
            let error = NwFilterBinding::parse(&format!("<filterbinding>{inside}</filterbinding>")).unwrap_err();
            assert_eq!(error.code(), ErrorCode::XML_ERROR, "{inside}");
        }
        for text in ["<foo/>", "<filterbindingstatus/>"] {
            assert!(NwFilterBinding::parse(text).is_err() && NwFilterBinding::parse_status(text).is_err(), "{text}");
        }
    }
}
