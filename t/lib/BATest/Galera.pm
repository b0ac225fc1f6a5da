# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Galera;

# A cluster of MariaDB servers on loopback, replicated by Galera, whose nodes can be killed and frozen. Nodes count from 1.

use strict;
use warnings;
use BATest::MariaDB;
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

our $PROVIDER = '/usr/lib/galera/libgalera_smm.so';

# dir: to be made; size: nodes; port: code that answers a free one; programs: folder with wsrep_sst_rsync, when it is in
# no other; options: more of each server's own.
#
# A node is given up by the others after six seconds, not fifteen, to save time.
sub new {
    my ($class, %o) = @_;
    my $self = bless { dir => $o{dir}, nodes => [] }, $class;
    my @group = map { $o{port}->() } 1 .. $o{size};
    local $ENV{PATH} = join ':', grep { $_ } $o{programs}, $ENV{PATH};
    $self->{path} = $ENV{PATH};
    for my $n (1 .. $o{size}) {
        my ($incremental, $whole) = ($o{port}->(), $o{port}->());
        my $provider = join ';', "gmcast.listen_addr=tcp://127.0.0.1:$group[$n - 1]", "base_port=$group[$n - 1]", "ist.recv_addr=127.0.0.1:$incremental",
            qw(evs.suspect_timeout=PT4S evs.inactive_timeout=PT6S evs.keepalive_period=PT0.5S evs.inactive_check_period=PT0.25S gcache.size=64M);
        push @{ $self->{nodes} }, BATest::MariaDB->new(dir => "$o{dir}/$n", port => $o{port}->(), options => [
            qw(--binlog-format=ROW --innodb-autoinc-lock-mode=2 --wsrep-on=ON --wsrep-cluster-name=test --wsrep-sst-method=rsync),
            "--wsrep-provider=$PROVIDER", '--wsrep-cluster-address=gcomm://' . join(',', map { "127.0.0.1:$_" } @group), "--wsrep-node-name=$n",
            "--wsrep-node-address=127.0.0.1:$group[$n - 1]", "--wsrep-sst-receive-address=127.0.0.1:$whole", "--wsrep-provider-options=$provider",
            @{ $o{options} || [] },
        ]);
    }
    $self->node(1)->install('--wsrep-new-cluster');
    for my $n (2 .. $o{size}) {
        make_path("$o{dir}/$n/data");    # the rest comes from another node
        $self->start($n);
        $self->wait_for($n, 60, sub { $_[0]{size} == $n });
    }
    return $self;
}

sub size { scalar @{ $_[0]{nodes} } }
sub node { $_[0]{nodes}[$_[1] - 1] }

sub start {
    my ($self, $n, @options) = @_;
    local $ENV{PATH} = $self->{path};
    return $self->node($n)->start(@options);
}

sub kill_now { $_[0]->node($_[1])->kill_now }
sub freeze { kill STOP => $_[0]->node($_[1])->pid }
sub thaw { kill CONT => $_[0]->node($_[1])->pid }

# The state letter of the process: T is stopped.
sub process {
    my ($self, $n) = @_;
    my $pid = $self->node($n)->pid or return 'gone';
    open my $in, '<', "/proc/$pid/stat" or return 'gone';
    return (<$in> // '') =~ /^\d+ \(.*\) (\S)/ ? $1 : 'gone';
}

# Rows, or undef when there is no answer soon: a frozen node says nothing for ever.
sub ask {
    my ($self, $n, $statement, $database) = @_;
    my $rows = BATest::MariaDB::_slurp_command($statement, qw(timeout 5 mariadb --no-defaults --batch --skip-column-names -uroot -S),
        $self->node($n)->socket, $database // ());
    return defined $rows ? [map { [split /\t/, $_, -1] } split /\n/, $rows] : undef;
}

# What a node thinks of itself: { size, state, ready, seqno, primary, conflicts }; empty if it does not answer.
sub status {
    my ($self, $n) = @_;
    my %of = map { @$_ } @{ $self->ask($n, q{SHOW STATUS LIKE 'wsrep\_%'}) || [] };
    return {} unless %of;
    return { size => $of{wsrep_cluster_size}, state => $of{wsrep_local_state_comment}, ready => $of{wsrep_ready}, seqno => $of{wsrep_last_committed},
        primary => $of{wsrep_cluster_status}, conflicts => $of{wsrep_local_cert_failures} + $of{wsrep_local_bf_aborts} };
}

# Until a synchronized node says what is wanted; answers its status.
sub wait_for {
    my ($self, $n, $seconds, $wanted) = @_;
    my $deadline = time + $seconds;
    while (1) {
        my $is = $self->status($n);
        return $is if %$is && $is->{state} eq 'Synced' && $is->{ready} eq 'ON' && $wanted->($is);
        die "node $n does not come to what was expected: " . join(' ', map { "$_=$is->{$_}" } sort keys %$is) . "\n" if time > $deadline;
        sleep 0.1;
    }
}

# How far a node that is down had come, as it finds in its own files.
sub recovered {
    my ($self, $n) = @_;
    my $node = $self->node($n);
    my $log = "$node->{dir}/recover.log";
    system('/bin/sh', '-c', 'out=$1; shift; exec "$@" >"$out" 2>&1', 'sh', $log, $BATest::MariaDB::DAEMON, '--no-defaults', "--datadir=$node->{dir}/data",
        "--socket=$node->{dir}/recover.sock", '--skip-networking', @{ $node->{options} }, '--wsrep-recover');
    open my $in, '<', $log or return -1;
    my ($seqno) = do { local $/; <$in> } =~ /Recovered position: \S+?:(-?\d+)/;
    return $seqno // -1;
}

sub stop { $_->kill_now for @{ $_[0]{nodes} } }

1;
