#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What is secret stays where it belongs: passwords are wiped from the memory that was ours when a request is over, and
# neither passwords, tokens nor the signing key are in a log at the most talkative level, in what httpd tells of its
# configuration, or in what programs are told.
use strict;
use warnings;
no warnings 'portable';    # addresses
use BATest -own;
use BATest::Httpd;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $SITE = 'secrecy';
sub canary { return join '', map { ('a' .. 'z')[rand 26] } 1 .. 24 }
my %secret = map { $_ => canary() } 'the password', 'the next password', 'a wrong password', 'the signing key';
my $VISIBLE = canary();    # in a header that nobody wipes: what is looked for can be found

my $file = BATest::state()->{workdir} . "/$SITE-key-" . flavour();
{ open my $out, '>', $file or die "$file: $!"; print {$out} "$secret{'the signing key'}-0123456789\n"; close $out; chmod 0600, $file }
my $list = BATest::state()->{workdir} . "/$SITE-list-" . flavour();
{ open my $out, '>', $list or die "$list: $!"; print {$out} "password$_\n" for 1 .. 1000 }
my $httpd = private_httpd(name => $SITE, main => BATest::Sites::load('info'), extra => BATest::Sites::flows('mail') . BATest::Sites::programs() . <<"END");
    BetterAuthSecret "file:$file"
    BetterAuthPasswordBlockList "$list"
    LogLevel betterauth:trace8
    <Location "/server-info">
        SetHandler server-info
        Require all granted
    </Location>
END

my (@tokens, $user);
sub form { my ($page, @fields) = @_; return request($SITE, POST => "/auth/$page", form => \@fields, origin => ORIGIN, headers => ['User-Agent' => $VISIBLE]) }

# Every way in for a password, but for Basic, where httpd itself reads it.
sub all_ways {
    my ($first, $next, $wrong) = @secret{'the password', 'the next password', 'a wrong password'};
    $user = sign_up($SITE, password => $first);
    my @email = (email => $user->{email});
    my $in = post($SITE, '/sign-in/email', { @email, password => $first });
    my $cookie = cookie_header($in);
    post($SITE, '/sign-in/email', { @email, password => $wrong });
    post($SITE, '/sign-in/email', { email => "nobody-$user->{email}", password => $wrong });
    is(post($SITE, '/change-password', { currentPassword => $first, newPassword => $next }, cookie => $cookie)->{status}, 200, 'changed');
    post($SITE, '/change-password', { currentPassword => $wrong, newPassword => $first }, cookie => $cookie);
    post($SITE, '/change-password', { currentPassword => $wrong, newPassword => "$wrong\x{df}\x{fb01}" }, cookie => $cookie);
    post($SITE, '/verify-password', { password => $next }, cookie => $cookie);
    post($SITE, '/sign-in/email', { @email, password => "$wrong\x{e9}" x 9 });
    request($SITE, POST => '/api/auth/sign-in/email', body => qq({"email":"$user->{email}","password":"$wrong\\ud800","x":), headers => ['Content-Type' => 'application/json'], origin => ORIGIN);
    is(form('sign-in', @email, password => $next)->{status}, 303, 'by the page');
    form('sign-in', @email, password => $wrong);
    form('sign-up', name => 'x', email => 'not an address', password => $wrong);
    post($SITE, '/request-password-reset', { @email });
    my ($token) = (mails($SITE, $user->{email}))[-1]{url} =~ m{/reset-password/(\w+)};
    is(post($SITE, '/reset-password', { newPassword => $first, token => $token })->{status}, 200, 'reset');
    push @tokens, $token, $user->{token}, $in->{json}{token}, $cookie =~ /\.([^.;]{43})/;
}

# Where a text stands in the memory of the children; but for what httpd has read from the network, which is httpd's: a
# request as it came, headers in front of the body. Answers how often it stands in what is ours, and at all.
sub in_memory {
    my ($text) = @_;
    my ($ours, $all) = (0, 0);
    for my $pid ($httpd->children) {
        open my $maps, '<', "/proc/$pid/smaps" or return;
        open my $memory, '<:raw', "/proc/$pid/mem" or return;
        my ($from, $to) = (0, 0);
        while (<$maps>) {
            if (/^([0-9a-f]+)-([0-9a-f]+) (\S+)/) { ($from, $to) = map { hex } $1, $2; $to = 0 if $_ !~ / rw/ }
            next unless $to && /^Rss: +([1-9]\d*)/;
            sysseek $memory, $from, 0 or next;
            sysread $memory, my $bytes, $to - $from or next;
            while ($bytes =~ /\Q$text\E/g) {
                my $before = substr $bytes, $-[0] > 600 ? $-[0] - 600 : 0, $-[0] > 600 ? 600 : $-[0];
                $all++;
                next if $before =~ /\r\n\r\n[^\0]*\z/;
                $ours++;
                diag sprintf 'at %x of %d: %s', $from + $-[0], $pid, substr($before . substr($bytes, $-[0], 60), -160) =~ s/[^ -~]/./gr if $ours < 4 && $text ne $VISIBLE;
            }
        }
    }
    return ($ours, $all);
}

all_ways() for 1 .. 4;

subtest 'memory' => sub {
    plan skip_all => 'the sanitizer keeps what was freed' if flavour() eq 'asan';
    my (undef, $seen) = in_memory($VISIBLE);
    plan skip_all => 'this kernel lets nobody look' unless defined $seen;
    cmp_ok($seen, '>', 0, 'what nobody wipes is found');
    for my $name (grep { /password/ } sort keys %secret) { is((in_memory($secret{$name}))[0], 0, "$name is nowhere") }
};

my @programs = map { request($SITE, GET => '/programs/index.html', headers => basic($user->{email}, $_)) } @secret{'the password', 'a wrong password'};
is_deeply([map { $_->{status} } @programs], [404, 401], 'Basic');
expect_log('AH01617');

my $info = request($SITE, GET => '/server-info')->{body};
like($info, qr/BetterAuthSecret.*\Q$file\E/s, 'mod_info shows where the key is');
my $dump = sub { return scalar qx{@{[ $httpd->command ]} -t -D $_[0] 2>&1} };
my %shown = ('server-info' => $info, 'DUMP_CONFIG' => $dump->('DUMP_CONFIG'), 'DUMP_BETTERAUTH' => $dump->('DUMP_BETTERAUTH'),
    'a program' => request($SITE, GET => '/optional/env', cookie => $user->{cookie})->{body}, 'the error log' => BATest::_slurp($httpd->error_log));
like($shown{$_}, qr/ChangeEmail/i, "$_ shows the configuration") for qw(DUMP_CONFIG server-info);
like($shown{'the error log'}, qr/betterauth:(?:debug|trace|info)/, 'the log is talkative');
for my $where (sort keys %shown) {
    is(index($shown{$where}, $secret{$_}), -1, "$where: $_ is not there") for sort keys %secret;
    next if $where eq 'a program';    # httpd gives it the cookie
    is((grep { index($shown{$where}, $_) >= 0 } @tokens)[0], undef, "$where: no token or signature");
    unlike($shown{$where}, qr/\$argon2id\$|session_token=\w/, "$where: no hash, no cookie");
}
unlike($shown{'the error log'}, qr/BA\d{4}[^\n]*(?:\Q$user->{email}\E|reset-password\/)/, 'no address that was typed, no mailed link');

done_testing;
