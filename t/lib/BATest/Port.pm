# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Port;

# Ports for the servers of one run of t/check.

use strict;
use warnings;
use Digest::MD5 qw(md5);
use Fcntl qw(O_CREAT O_EXCL O_WRONLY);
use File::Path qw(make_path);
use IO::Socket::INET ();

# Below what systems use for outgoing connections.
use constant { FIRST => 18500, COUNT => 14000, BLOCK => 1000 };

# Takes a block of ports for this run, as long as its process lives: its first port is listened on, so no other run on
# this machine takes the same. BA_PORT_BASE is where it begins then, unless it says so already, and BA_PORTS where all of
# the run note what they have, t/faults/run within it too.
my $holder;

sub claim {
    my ($workdir) = @_;
    my $blocks = COUNT / BLOCK;
    $ENV{BA_PORTS} = "$workdir/ports";
    my $begin = unpack('N', md5($workdir)) % $blocks;
    for my $block (map { ($begin + $_) % $blocks } 0 .. $blocks - 1) {
        last if $ENV{BA_PORT_BASE};
        my $first = FIRST + $block * BLOCK;
        $holder = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $first, Listen => 1) or next;
        $ENV{BA_PORT_BASE} = $first + 1;
    }
    $ENV{BA_PORT_BASE} or die "no free ports\n";
    make_path($ENV{BA_PORTS});
}

# A port nobody listens on now, and that nobody else in this run will be given: tests run side by side. Whose work is no
# part of a run has a block for itself.
sub free {
    my ($workdir) = @_;
    claim($workdir) if !$ENV{BA_PORTS};
    for my $port ($ENV{BA_PORT_BASE} .. $ENV{BA_PORT_BASE} + BLOCK - 2) {
        sysopen my $mine, "$ENV{BA_PORTS}/$port", O_CREAT | O_EXCL | O_WRONLY or next;
        return $port if IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1);
    }
    die "no free port\n";
}

1;
