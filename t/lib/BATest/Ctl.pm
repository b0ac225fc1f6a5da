# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Ctl;

# betterauthctl, run as an operator runs it.

use strict;
use warnings;
use IPC::Open3 ();
use JSON::PP ();

sub binary { return "$ENV{BA_BUILDDIR}/support/betterauthctl" }

# Options that make it ask a private httpd for its configuration.
sub of_httpd {
    my ($httpd) = @_;
    my $program = $ENV{BA_HTTPD} || '/usr/sbin/apache2';
    return ('--httpd', "$program -d $httpd->{dir}", '-f', "$httpd->{dir}/conf/httpd.conf");
}

# Answers { status, out, err, json }; stdin is text, nothing by default.
sub run {
    my ($stdin, @args) = @_;
    open my $err, '+>', undef or die "temporary file: $!";
    my $pid = IPC::Open3::open3(my $in, my $out, '>&' . fileno $err, binary(), @args);
    local $SIG{PIPE} = 'IGNORE';
    print {$in} $stdin // '';
    close $in;
    my %answer;
    { local $/; $answer{out} = <$out> // '' }
    waitpid $pid, 0;
    $answer{status} = $? >> 8;
    $answer{status} = "signal $?" if $? & 127;
    seek $err, 0, 0;
    { local $/; $answer{err} = <$err> // '' }
    $answer{json} = eval { JSON::PP->new->utf8->decode($answer{out}) };
    return \%answer;
}

1;
