#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Some ten thousand requests that nobody honest sends (BATest::Hostile), over connections that are kept: each gets one of
# the statuses that its rule allows, nothing is stored, nobody gets in, the server lives. Under the sanitizers all are
# sent, else a fourth of them; BA_HOSTILE=N sends each Nth.
use strict;
use warnings;
use BATest;
use BATest::Hostile;
use IO::Socket::INET;
use Time::HiRes qw(time);

expect_log('AH10244');    # a path that httpd does not read
my $site = 'mysql';
my $every = $ENV{BA_HOSTILE} || (BATest::flavour() eq 'asan' ? 1 : 4);
my $port = BATest::state()->{flavours}{ BATest::flavour() }{sites}{$site}{port};
my ($socket, $buffer, $connections) = (undef, '', 0);

sub more {
    my $n = sysread $socket, my $bytes, 65536;
    return 0 unless $n;
    $buffer .= $bytes;
    return 1;
}

# Status and body of one answer, undef: none came whole. Sets whether the connection goes on.
sub answer {
    my ($head_only) = @_;
    my ($status, $head) = (100, '');
    while ($status =~ /^1/ && $status != 101) {
        # HTTP/0.9 has no head
        while ($buffer !~ /\r\n\r\n/) { more() or return length $buffer && $buffer !~ /^HTTP/ ? ('bare', '', $buffer, 0) : () }
        $buffer =~ s/^(.*?\r\n)\r\n//s;
        $head = $1;
        $status = $head =~ m{^HTTP/1\.1 (\d{3})} ? $1 : return;
    }
    my $body = '';
    my $on = $head !~ /^Connection: close/mi;
    if ($head_only || $status =~ /^(?:204|304)$/) { }
    elsif ($head =~ /^Transfer-Encoding: chunked/mi) {
        for (;;) {
            my $size;
            until (($size) = $buffer =~ /^([0-9a-f]+)\r\n/i) { return unless more() }
            my ($n, $skip) = (hex $size, length($size) + 2);
            while (length $buffer < $skip + $n + 2) { return unless more() }
            $body .= substr $buffer, $skip, $n;
            substr $buffer, 0, $skip + $n + 2, '';
            last unless $n;
        }
    }
    elsif ($head =~ /^Content-Length: (\d+)/mi) {
        my $n = $1;
        while (length $buffer < $n) { return unless more() }
        $body = substr $buffer, 0, $n, '';
    }
    else { 1 while more(); $body = $buffer; $on = 0 }
    return ($status, $head, $body, $on);
}

sub send_one {
    my ($request) = @_;
    for my $try (0, 1) {
        my $fresh = !$socket;
        if ($fresh) {
            $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 10) or return;
            $buffer = '';
            $connections++;
        }
        local $SIG{PIPE} = 'IGNORE';
        syswrite $socket, $request->{raw};
        shutdown $socket, 1 if $request->{close};
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 20;
        my @answer = eval { answer($request->{head}) };
        alarm 0;
        undef $socket if !@answer || !$answer[3] || $request->{close};
        # a connection that was kept may have been closed meanwhile
        return @answer if @answer || $fresh;
    }
    return;
}

my %asked = map { $_ => 1 } BATest::Hostile::endpoints();
for my $file (glob BATest::state()->{srcdir} . '/modules/routes/*.c') {
    my $text = BATest::_slurp($file);
    while ($text =~ m{^\s*\{"([A-Z]+)", "(/[^"]*)"}mg) {
        my $endpoint = "$1 $2";
        ok($asked{ $endpoint =~ s/:\w+/x/r }, "$endpoint is asked");
    }
}

clean($site);
my @all = @{ BATest::Hostile::requests() };
my @some = grep { $_ % $every == 0 } 0 .. $#all;
my (%wrong, %count, $scripts, $leaks);
my $begun = time;
for my $i (@some) {
    my $request = $all[$i];
    my ($status, $head, $body) = send_one($request);
    $count{ $status // 'none' }++;
    if (!defined $status || $status !~ $request->{status}) {
        push @{ $wrong{ $status // 'no answer' } }, "$request->{name}: expected $request->{status}";
        next;
    }
    $leaks++, diag $request->{name} if $body =~ /members page|alice|REMOTE_USER/i && $request->{name} !~ /remote|alice/i || ($head =~ /^Set-Cookie: [^\r]*session_token=[^;]/mi);
    $scripts++, diag $request->{name} if $request->{script} && $body =~ /<script>alert|uid=\d/;
}
note sprintf '%d requests over %d connections in %.1f s: %s', scalar @some, $connections, time - $begun, join ', ', map { "$count{$_} x $_" } sort keys %count;
cmp_ok(scalar @all, '>=', 10_000, scalar(@all) . ' requests');
for my $status (sort keys %wrong) {
    my @names = @{ $wrong{$status} };
    fail(@names . " unexpected $status");
    diag substr($_, 0, 300) =~ s/[^ -~]/?/gr for @names[0 .. ($#names < 24 ? $#names : 24)];
}
ok(!%wrong, 'each answer is one of those that its rule allows');
ok(!$leaks, 'nobody saw what is guarded, nobody was signed in');
ok(!$scripts, 'no page repeats markup');
is(join(' ', user_count($site), session_count($site)), '0 0', 'nothing is stored');
my $user = sign_up($site, email => 'after@example.com');
is(request($site, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, 'after all that somebody honest gets in');
clean($site);
done_testing;
