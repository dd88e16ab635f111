# What the Perl bindings show of the test driver.
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::Domain;
use Sys::Virt::Event;

my $uri = shift @ARGV;

sub plain {
    my ($value) = @_;
    return "undef" unless defined $value;
    return join(", ", sort map { plain($_) } @$value) if ref($value) eq "ARRAY";
    return join(", ", map { "$_=" . plain($value->{$_}) } grep { $_ ne "cpuTime" } sort keys %$value) if ref($value) eq "HASH";
    return ref($value) . " " . $value->get_name if ref($value);
    return $value;
}

sub show {
    my ($label, $call) = @_;
    my @value = eval { $call->() };
    if (my $e = $@) {
        print "$label: error ", (ref $e ? $e->code . ": " . $e->message : $e), "\n";
        return undef;
    }
    # No order of names or objects is promised.
    print "$label: ", join(", ", sort map { plain($_) } @value), "\n";
    return $value[0];
}

Sys::Virt::Event::register_default();
my $c = Sys::Virt->new(uri => $uri);
show("type", sub { $c->get_type });
show("version", sub { $c->get_version });
show("node", sub { $c->get_node_info });
show("domains", sub { $c->list_all_domains });
show("networks", sub { $c->list_all_networks });
show("pools", sub { $c->list_all_storage_pools });
show("interfaces", sub { $c->list_all_interfaces });
show("devices", sub { $c->list_all_node_devices });
show("nobody", sub { $c->get_domain_by_name("nobody") });
show("by id", sub { $c->get_domain_by_id(1) });
show("by uuid", sub { $c->get_domain_by_uuid("6695eb01-f6a4-8304-79aa-97f2502e193f") });

my @told;
$c->domain_event_register_any(undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
    sub { my ($con, $dom, $event, $detail) = @_; push @told, $dom->get_name . " $event $detail"; });
my $xml = "<domain type='test'><name>new</name><uuid>a3b0ae2c-2ed3-4e0b-93d0-6f07c71d0f4c</uuid>"
    . "<memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>";
my $d = show("define", sub { $c->define_domain($xml) });
show("xml", sub { $d->get_xml_description });
show("create", sub { $d->create });
show("again", sub { $d->create });
show("info", sub { $d->get_info });
show("suspend", sub { $d->suspend });
show("resume", sub { $d->resume });
show("destroy", sub { $d->destroy });
show("undefine", sub { $d->undefine });
show("gone", sub { $d->get_info });

my $p = show("pool", sub { $c->get_storage_pool_by_name("default-pool") });
if ($p) {
    show("pool info", sub { $p->get_info });
    my $v = show("volume", sub { $p->create_volume("<volume><name>v.img</name><capacity unit='M'>1</capacity></volume>") });
    show("download", sub { my $s = $c->new_stream; $v->download($s, 0, 0); my $n = $s->recv(my $data, 4096); $s->finish; $n; }) if $v;
    show("volume gone", sub { $v->delete }) if $v;
}
my $end = time + 10;
Sys::Virt::Event::add_timeout(100, sub { });
while (@told < 7 && time < $end) { Sys::Virt::Event::run_default(); }
print "event $_\n" for @told;
