#![allow(clippy::unwrap_used)]
use oxivirt_core::ErrorCode;

use super::*;

const UUID: &str = "<uuid>5c6d49af-b071-6127-b4ec-6f8ed4b55335</uuid>";

fn rule(inside: &str) -> oxivirt_core::Result<NwFilterDefinition> {
    NwFilterDefinition::parse(&format!(
        "<filter name='t'>{UUID}<rule action='accept' direction='out'>{inside}</rule></filter>"
    ))
}

/// The element inside the only rule, as it prints.
fn printed(inside: &str) -> String {
    let text = rule(inside).unwrap_or_else(|error| panic!("{inside}: {error}")).format();
    let again = NwFilterDefinition::parse(&text).unwrap();
    assert_eq!(again.format(), text);
    text.lines().nth(3).unwrap_or_default().trim().to_owned()
}

#[test]
fn values_print_in_their_own_form() {
    for (input, wanted) in [
        ("<tcp srcmacaddr='1:2:3:4:5:6 '/>", "<tcp srcmacaddr='01:02:03:04:05:06'/>"),
        ("<tcp srcmacaddr='$MAC[ @1 ]x'/>", "<tcp srcmacaddr='$MAC[@1]'/>"),
        ("<mac srcmacmask='ff:ff:80:0:0:0'/>", "<mac srcmacmask='ff:ff:80:00:00:00'/>"),
        ("<mac protocolid='ARP'/>", "<mac protocolid='arp'/>"),
        ("<mac protocolid='0X0800'/>", "<mac protocolid='ipv4'/>"),
        ("<mac protocolid='0xffff'/>", "<mac protocolid='0xffff'/>"),
        ("<vlan encap-protocol='60' vlanid='0xfff'/>", "<vlan vlanid='0xfff' encap-protocol='60'/>"),
        ("<stp type='010' flags='0x0a' root-cost='-1'/>", "<stp type='10' flags='0xa' root-cost='4294967295'/>"),
        ("<arp opcode='reply' gratuitous='yes'/>", "<arp opcode='Reply' gratuitous='true'/>"),
        ("<arp opcode='0x10' gratuitous='on'/>", "<arp opcode='16' gratuitous='false'/>"),
        ("<arp arpsrcipaddr='1.2' arpsrcipmask='255.255.0.0'/>", "<arp arpsrcipaddr='1.0.0.2' arpsrcipmask='16'/>"),
        ("<ip protocol='0x6' dstportend='0x14'/>", "<ip protocol='tcp' dstportend='0x14'/>"),
        ("<ip protocol='33' srcportstart='$P'/>", "<ip protocol='33' srcportstart='$P'/>"),
        ("<ipv6 dscp='20' type='1'/>", "<ipv6 type='1'/>"),
        ("<tcp-ipv6 srcipaddr='A:B::' srcipmask='ffff::'/>", "<tcp-ipv6 srcipaddr='a:b::' srcipmask='16'/>"),
        ("<tcp srcipmask=' +024'/>", "<tcp srcipmask='24'/>"),
        ("<tcp state='related, new'/>", "<tcp state='NEW,RELATED'/>"),
        ("<tcp state='NEW,NONE'/>", "<tcp state='NONE'/>"),
        ("<tcp flags='ACK,URG,RST,FIN,PSH/ /'/>", ""),
        ("<tcp flags='ACK,URG RST,FIN,PSH/SYN'/>", "<tcp flags='FIN,RST,PSH,ACK,URG/SYN'/>"),
        ("<tcp flags='SYN,ACK,FIN,RST,URG,PSH/'/>", "<tcp flags='ALL/NONE'/>"),
        ("<all ipsetflags='SRC,dSt' ipset='$S'/>", "<all ipset='$S' ipsetflags='src,dst'/>"),
        ("<udp match='no' comment='&lt;&amp;'/>", "<udp match='no' comment='&lt;&amp;'/>"),
        ("<all match='no'/>", "<all/>"),
        ("<foo/><icmp code='1' type='3'/><all/>", "<icmp type='3' code='1'/>"),
        ("<TCP/>", "</filter>"),
    ] {
        match wanted {
            "" => assert!(rule(input).is_err(), "{input}"),
            _ => assert_eq!(printed(input), wanted, "{input}"),
        }
    }
}

#[test]
fn values_of_another_kind_are_refused() {
    for input in [
        "<tcp srcmacaddr='1:2:3:4:5'/>",
        "<tcp srcmacaddr=''/>",
        "<tcp srcmacaddr='$A[1001'/>",
        "<mac srcmacmask='ff:0:ff:0:0:0'/>",
        "<mac protocolid='1535'/>",
        "<mac protocolid='stp'/>",
        "<vlan vlanid='4096'/>",
        "<vlan encap-protocol='59'/>",
        "<stp type='256'/>",
        "<stp type='5 '/>",
        "<stp type='0x'/>",
        "<stp type='0x+1'/>",
        "<stp type='-1'/>",
        "<arp opcode='65536'/>",
        "<arp arpsrcipaddr='::1'/>",
        "<ip protocol='256'/>",
        "<ip dscp='0x40'/>",
        "<ip srcportstart='1'/>",
        "<ip protocol='icmp' srcportstart='1'/>",
        "<ipv6 protocol='$P' dstportend='1'/>",
        "<tcp dstportend='65536'/>",
        "<tcp srcipmask='33'/>",
        "<tcp srcipmask='255.0.255.0'/>",
        "<tcp connlimit-above='0x10'/>",
        "<tcp state='NEW,FOO'/>",
        "<tcp flags='SYN'/>",
        "<tcp flags='SYN/ALL/ALL'/>",
        "<tcp-ipv6 srcipaddr='1.2.3.4'/>",
        "<tcp-ipv6 srcipmask='129'/>",
        "<all ipset='a/b'/>",
        "<all ipsetflags='src,dst,src,dst,src,dst,src'/>",
        "<all ipsetflags=''/>",
        "<udp comment='$a b'/>",
    ] {
        let error = rule(input).expect_err(input);
        assert_eq!(error.code(), ErrorCode::XML_ERROR, "{input}");
        assert!(error.message().contains("/filter/rule"), "{error}");
    }
}

#[test]
fn every_attribute_of_every_protocol_prints_once_in_order() {
    for protocol in Protocol::ALL {
        let names: Vec<_> = protocol.attributes().map(|attribute| attribute.name).collect();
        let backwards: String = names
            .iter()
            .rev()
            .map(|name| match *name {
                // Ports need to know the protocol.
                "protocol" => " protocol='tcp'".to_owned(),
                "ipsetflags" => " ipsetflags='src'".to_owned(),
                name => format!(" {name}='$A'"),
            })
            .collect();
        let text = rule(&format!("<{protocol}{backwards}/>")).unwrap_or_else(|e| panic!("{protocol}: {e}")).format();
        let line = text.lines().nth(3).unwrap().to_owned();
        let found: Vec<_> = line.split_whitespace().skip(1).filter_map(|part| part.split_once('=')).collect();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names, "{protocol}");
    }
}

#[test]
fn rules_have_defaults() {
    let text = "<filter name='t'><rule action='drop' direction='in'/><foo/><filterref filter='x'/>\
                <rule action='accept' direction='inout' priority='1001' statematch='FALSE'><all/></rule></filter>";
    let filter = NwFilterDefinition::parse(text).unwrap();
    let [Entry::Rule(first), Entry::Reference(reference), Entry::Rule(last)] = filter.entries.as_slice() else {
        panic!("{filter:?}")
    };
    assert_eq!((first.priority, first.state_match, &first.condition), (DEFAULT_RULE_PRIORITY, true, &None));
    assert_eq!((last.priority, last.state_match), (DEFAULT_RULE_PRIORITY, false));
    assert_eq!(reference.filter, "x");
    assert_eq!(filter.references().count(), 1);
    assert!(filter.format().contains("<rule action='accept' direction='inout' priority='500' statematch='false'>"));
}

#[test]
fn malformed_documents_are_refused() {
    for text in [
        "<foo name='t'/>",
        "<filter/>",
        "<filter name=''/>",
        "<filter name='a/b'/>",
        "<filter name='t'><uuid>x</uuid></filter>",
        "<filter name='t'><filterref/></filter>",
        "<filter name='t'><rule action='accept'/></filter>",
        "<filter name='t'><rule direction='in'/></filter>",
        "<filter name='t'><rule action='x' direction='in'/></filter>",
        "<filter name='t'><rule action='drop' direction='x'/></filter>",
        "<filter name='t'><rule action='drop' direction='in' priority='x'/></filter>",
    ] {
        assert_eq!(NwFilterDefinition::parse(text).unwrap_err().code(), ErrorCode::XML_ERROR, "{text}");
    }
    assert_eq!(NwFilterDefinition::parse("<filter").unwrap_err().code(), ErrorCode::XML_DETAIL);
}

#[test]
fn long_comments_are_cut_between_characters() {
    let comment = |text: &str| {
        let filter = rule(&format!("<udp comment='{text}'/>")).unwrap();
        let Some(Entry::Rule(rule)) = filter.entries.first() else { panic!("a rule") };
        match rule.condition.as_ref().and_then(|c| c.get("comment")) {
            Some(MatchValue::Text(text)) => text.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((comment(&"x".repeat(300)), comment(&"é".repeat(200))), (256, 256));
    assert_eq!(comment(&format!("x{}", "é".repeat(200))), 255);
}
