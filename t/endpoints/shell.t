#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The session from a shell at the head of docs/endpoints.md, as it stands there but for the address.
use strict;
use warnings;
use BATest;

my $state = BATest::state();
my ($script) = BATest::_slurp("$state->{srcdir}/docs/endpoints.md") =~ /^((?:    .*\n)+)/m or die "no shell session\n";
$script =~ s/^    //mg;
is(scalar(() = $script =~ /^curl /mg), 4, 'four commands');

each_site {
    my ($site) = @_;
    clean($site);
    my $port = BATest::_site($site)->{port};
    my $here = "$state->{workdir}/shell-$site-" . flavour();
    mkdir $here;
    # curl finds the port of the site behind the address that browsers know it by
    (my $run = $script) =~ s/localhost:8080/@{[ORIGIN =~ s{^https?:\/\/}{}r]}/g;
    $run =~ s/^curl /printf '\\n'; curl -sS --noproxy '*' --connect-to ::127.0.0.1:$port /mg;
    open my $out, '>', "$here/run" or die "run: $!\n";
    print $out "set -e\ncd '$here'\n$run";
    close $out;
    my (undef, @answers) = split /\n/, qx(sh '$here/run' 2>&1);
    is($?, 0, 'runs') or diag "@answers";
    like($answers[0], qr/"email":"ada\@example\.com"/, 'sign-up');
    like($answers[1], qr/"session":.*"name":"Ada"|"name":"Ada".*"session":/, 'get-session');
    is($answers[2], '{"success":true}', 'sign-out');
    is($answers[3], 'null', 'and nobody');
};

done_testing;
