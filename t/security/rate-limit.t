#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Rate limits: counted once and exactly, whatever a client writes and whichever child answers, over restarts and killed
# children; and passwords of one account cannot be guessed from many addresses.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my ($SITE, $MYSQL) = qw(rate-limit rate-limit-mysql);
my $IN = '/api/auth/sign-in/email';
my $LONG = '/api/auth/list-sessions';    # 3 in 10 minutes: long enough for a restart
my $FILE = BATest::Sites::file($SITE);
my $proxied = "    RemoteIPHeader X-Forwarded-For\n    RemoteIPInternalProxy 127.0.0.1\n";
my $extra = "$proxied    BetterAuthRateLimitRule /list-sessions 10m 3\n    BetterAuthRateLimitRule /update-session off\n";
# the same file by another name: these count for themselves
my %file = map { $_ => $FILE =~ s{/site\.db$}{/$_/../site.db}r } qw(direct off rules);

my $httpd = private_httpd(name => $SITE, limit => '', extra => $extra, main => join '',
    BATest::Sites::vhost('direct', file => $file{direct}, limit => ''),
    BATest::Sites::vhost('off', file => $file{off}, limit => '    BetterAuthRateLimit off', extra => $proxied),
    BATest::Sites::vhost('rules', file => $file{rules}, extra => $proxied, limit => <<'END'));
    BetterAuthRateLimitDefault 1m 2
    BetterAuthRateLimitRule /sign-in/email 1 1
    BetterAuthRateLimitRule /sign-*/* 1m 4
    BetterAuthRateLimitRule /get-session off
    BetterAuthRateLimitRule /verify-password 5 off
    BetterAuthRateLimitRule /get-session 1m 1
END

my $clients = 0;
sub client { my $n = ++$clients; return sprintf '198.18.%d.%d', $n >> 8, $n & 255 }
sub from { my ($client, $site, $method, $path, %o) = @_; return request($site, $method, $path, %o, headers => [@{ $o{headers} || [] }, 'X-Forwarded-For' => $client]) }
sub sign_in_from { my ($client, $site, %o) = @_; return from($client, $site, POST => $o{path} // $IN, json => { email => $o{email} // 'nobody-' . $client =~ tr/.:/--/r . '@example.com', password => $o{password} // 'wrong' }, origin => ORIGIN) }
sub statuses { my %n; $n{ $_->{status} // 'none' }++ for @_; return \%n }
sub said { my %n; $n{$_}++ for @_; return \%n }
sub new_user {
    my ($site) = @_;
    my %user = (name => 'Zoe', email => new_email(), password => PASSWORD);
    my $answer = from(client(), $site, POST => '/api/auth/sign-up/email', json => \%user, origin => ORIGIN);
    is($answer->{status}, 200, 'a new account') or diag $answer->{body};
    return { %user, cookie => cookie_header($answer) };
}

sub refused {
    my ($answer, $wait, $name) = @_;
    subtest $name => sub {
        error_is($answer, 429, undef, 'Too many requests. Please try again later.', 'body');
        like(header($answer, 'x-retry-after'), $wait, 'X-Retry-After');
        is(header($answer, 'retry-after'), header($answer, 'x-retry-after'), 'Retry-After says the same');
        is(header($answer, 'cache-control'), 'no-store', 'is not kept');
    };
}

subtest 'the fourth sign-in' => sub {
    my $client = client();
    is(sign_in_from($client, $SITE)->{status}, 401, "number $_") for 1 .. 3;
    refused(sign_in_from($client, $SITE), qr/^(?:10|9)$/, 'is refused');
    refused(sign_in_from($client, $SITE), qr/^(?:10|9)$/, 'and the one after');
    is(sign_in_from(client(), $SITE)->{status}, 401, 'another client is not');
    is(from($client, $SITE, GET => '/api/auth/ok')->{status}, 200, 'nor is another path');
};

subtest 'get-session' => sub {
    my $client = client();
    my $n = statuses(map { from($client, $SITE, GET => '/api/auth/get-session') } 1 .. 105);
    is_deeply($n, { 200 => 100, 429 => 5 }, '100 in 10 seconds, as Better Auth has it');
};

subtest 'what a client says it is' => sub {
    my @headers = map { my $ip = "203.0.113.$_"; ['X-Forwarded-For' => $ip, Forwarded => "for=$ip", 'X-Real-IP' => $ip, 'Client-IP' => $ip, 'CF-Connecting-IP' => $ip] } 1 .. 20;
    my $n = statuses(map { request('direct', POST => $IN, json => { email => 'x', password => 'x' }, origin => ORIGIN, headers => $_) } @headers);
    is_deeply($n, { 400 => 3, 429 => 17 }, 'changes nothing');
};

subtest 'spellings of a path' => sub {
    my $client = client();
    sign_in_from($client, $SITE) for 1 .. 3;
    for my $path ("$IN/", "$IN//", '//api/auth/sign-in/email', '/api//auth/sign-in/email', '/api/auth//sign-in//email', '/api/auth/./sign-in/email',
        '/api/auth/x/../sign-in/email', '/api/auth/sign%2din/email', '/api/auth/%73ign-in/email', "$IN?a=b", "$IN?", "$IN?callbackURL=/x") {
        is(sign_in_from($client, $SITE, path => $path)->{status}, 429, $path);
    }
    for my $method (qw(GET PUT DELETE PATCH OPTIONS HEAD)) {
        is(from($client, $SITE, $method => $IN)->{status}, 429, $method);
    }
    is(from($client, $SITE, POST => $IN, json => {}, headers => ['X-HTTP-Method-Override' => 'GET'])->{status}, 429, 'a method to override');
    for my $path ('/api/auth/Sign-In/Email', '/api/auth/SIGN-IN/EMAIL', '/api/auth/sign-in/email;x', '/api/auth/sign-in%2femail', '/api/auth/sign-in/email.', '/api/auth/sign-in/email%20') {
        is(sign_in_from($client, $SITE, path => $path)->{status}, 404, $path);
    }
};

subtest 'paths that are none' => sub {
    my $client = client();
    my $n = statuses(map { from($client, $SITE, GET => "/api/auth/nothing/$_") } 1 .. 103);
    is_deeply($n, { 404 => 100, 429 => 3 }, 'count as one');
    is(from($client, $SITE, GET => '/api/auth/ok')->{status}, 200, 'endpoints have counters of their own');
};

subtest 'at the same time' => sub {
    for my $round (1 .. 3) {
        my $client = client();
        my $n = said(parallel(50, sub { sign_in_from($client, $SITE)->{status} }));
        is_deeply($n, { 401 => 3, 429 => 47 }, "round $round: exactly three of fifty");
    }
};

subtest 'IPv6' => sub {
    my @spelt = map { my $h = sprintf '%x', $_ * 641; ("2001:db8:7:1::$h", "2001:DB8:7:1:0:0:0:$h", "2001:0db8:0007:0001:${h}::1", "2001:db8:7:1:ffff:$h:0:1") } 1 .. 25;
    is_deeply(statuses(map { sign_in_from($_, $SITE) } @spelt), { 401 => 3, 429 => 97 }, 'a hundred addresses of one /64 are one client');
    is(sign_in_from('2001:db8:7:2::1', $SITE)->{status}, 401, 'the next /64 is another');
    my $v4 = client();
    is_deeply(statuses(map { sign_in_from($_, $SITE) } $v4, "::ffff:$v4", sprintf('::ffff:%x%02x:%x%02x', split /\./, $v4), $v4), { 401 => 3, 429 => 1 }, 'IPv4 in IPv6 is IPv4');
};

subtest 'pages' => sub {
    my $client = client();
    my $form = sub { from($client, $SITE, POST => '/auth/sign-in', form => [email => 'nobody@example.com', password => 'wrong'], origin => ORIGIN) };
    is_deeply(statuses(map { from($client, $SITE, GET => '/auth/sign-in') } 1 .. 105), { 200 => 105 }, 'looking at the form is not counted');
    is($form->()->{status}, 401, 'the form');
    is(sign_in_from($client, $SITE)->{status}, 401, 'the endpoint');
    is($form->()->{status}, 401, 'the form');
    is(sign_in_from($client, $SITE)->{status}, 429, 'count together');
    my $page = $form->();
    is($page->{status}, 429, 'the form says so too');
    like($page->{body}, qr/tried too often\. Wait (?:10|9) seconds, then try again\./, 'to people') or diag $page->{body};
    like(header($page, $_), qr/^(?:10|9)$/, $_) for qw(retry-after x-retry-after);
    like(header($page, 'content-type'), qr{^text/html}, 'as a page');
    like($page->{body}, qr/value="nobody\@example\.com"/, 'which keeps what was typed');
    unlike($page->{body}, qr/wrong/, 'but for the password');
    is(from($client, $SITE, POST => '/auth/sign-in', form => [email => '', password => ''], origin => ORIGIN)->{status}, 429, 'an empty form too');
    is(from($client, $SITE, POST => '/auth/sign-up', form => [email => ''], origin => ORIGIN)->{status}, 422, 'sign-up is another');
    is_deeply(statuses(map { from($client, $SITE, GET => '/members/page.html') } 1 .. 105), { 401 => 105 }, 'the guard is not limited');
};

subtest 'scripts of other origins' => sub {
    my $client = client();
    my @trusted = (Origin => 'https://app.example');
    is_deeply(statuses(map { from($client, $SITE, OPTIONS => $IN, headers => [@trusted, 'Access-Control-Request-Method' => 'POST']) } 1 .. 10), { 204 => 10 }, 'their preflights');
    my $ask = sub { from($client, $SITE, POST => $IN, json => { email => 'x', password => 'x' }, headers => [@trusted]) };
    is($ask->()->{status}, 400, "are not counted: number $_") for 1 .. 3;
    my $answer = $ask->();
    is($answer->{status}, 429, 'number 4');
    is(header($answer, 'access-control-allow-origin'), 'https://app.example', 'may be read');
    is(header($answer, 'access-control-allow-credentials'), 'true', 'with cookies');
    like(header($answer, 'access-control-expose-headers'), qr/X-Retry-After/, 'and the time to wait as well');
    is(from($client, $SITE, OPTIONS => $IN, headers => [@trusted, 'Access-Control-Request-Method' => 'POST'])->{status}, 204, 'a preflight is answered all the same');
};

subtest 'rules' => sub {
    my $client = client();
    my $ask = sub { my ($n, $path, $method) = @_; return statuses(map { from($client, 'rules', $method // 'GET', "/api/auth/$path") } 1 .. $n) };
    is_deeply($ask->(4, 'ok'), { 200 => 2, 429 => 2 }, 'another default');
    is_deeply($ask->(6, 'sign-up/email'), { 404 => 4, 429 => 2 }, 'a pattern instead of a built-in rule');
    is_deeply($ask->(120, 'get-session'), { 200 => 120 }, 'off; what comes later does not count');
    is_deeply($ask->(10, 'verify-password'), { 404 => 10 }, 'off, with a window');
    is_deeply($ask->(120, 'update-session'), { 404 => 2, 429 => 118 }, 'what another site says does not hold here');
    my $start = time;
    my $in = sub { sign_in_from($client, 'rules') };
    is($in->()->{status}, 401, 'one in a second, though a later pattern has more');
    my $second = $in->();
    SKIP: {
        skip 'too slow a machine', 2 if time - $start > 0.9;
        is($second->{status}, 429, 'the second is refused');
        is(header($second, 'x-retry-after'), 1, 'for a second');
    }
    sleep 1.1;
    is($in->()->{status}, 401, 'which is then over');
};

subtest 'switched off' => sub {
    my $client = client();
    is_deeply(statuses(map { sign_in_from($client, 'off', email => 'zoe@example.com') } 1 .. 14), { 401 => 14 }, 'neither client nor account is slowed down');
};

subtest 'restarts' => sub {
    my $client = client();
    my $ask = sub { from($client, $SITE, GET => $LONG) };
    is_deeply(statuses(map { $ask->() } 1 .. 3), { 401 => 3 }, 'three requests');
    for my $signal (qw(USR1 HUP)) {
        my %old = map { $_ => 1 } $httpd->children;
        $httpd->signal($signal);
        my $deadline = time + 20;
        sleep 0.1 until (!grep { $old{$_} } $httpd->children) && $httpd->children || time > $deadline;
        my $answer;
        do { sleep 0.1; $answer = $ask->() } until $answer || time > $deadline;
        is($answer && $answer->{status}, 429, "are known after a SIG$signal");
        is_deeply(said(parallel(20, sub { $ask->()->{status} })), { 429 => 20 }, 'to every new child');
    }
};

subtest 'children killed while they count' => sub {
    my $client = client();
    is_deeply(statuses(map { from($client, $SITE, GET => $LONG) } 1 .. 3), { 401 => 3 }, 'three requests');
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $until = time + 6;
        parallel(4, sub { my ($n) = @_; while (time < $until) { from("198.19.$n." . int rand 256, $SITE, GET => '/api/auth/ok') } 'x' });
        POSIX::_exit(0);
    }
    for (1 .. 8) { sleep 0.6; kill KILL => $httpd->children }
    waitpid $pid, 0;
    my $deadline = time + 15;
    my $answer;
    do { sleep 0.1; $answer = from($client, $SITE, GET => $LONG) } until $answer || time > $deadline;
    is($answer && $answer->{status}, 429, 'are still known');
    my @asked = map { from($_, $SITE, GET => '/api/auth/ok') } map { client() } 1 .. 200;
    is_deeply(statuses(@asked), { 200 => 200 }, 'no counter is out of reach');
};

# --- Accounts ---------------------------------------------------------------------------------------------------------

my $mysql = private_httpd(name => $MYSQL, limit => '', extra => $extra, mariadb => mariadb(), database => flavour() eq 'asan' ? 'ba_mysql_asan' : 'ba_mysql');

for my $site ($SITE, $MYSQL) {
    subtest "accounts, $site" => sub {
        my ($user, $other) = (new_user($site), new_user($site));
        my @addresses = map { my $email = $_; map { $_ % 2 ? $email : uc $email } 1 .. 101 } $user->{email}, 'nobody' . $user->{email};
        my @answers = map { sign_in_from(client(), $site, email => $_) } @addresses;
        my @known = @answers[0 .. 100];
        my @unknown = @answers[101 .. 201];
        is_deeply(statuses(@known), { 401 => 10, 429 => 91 }, '101 wrong passwords from 101 addresses');
        is_deeply([map { $_->{status} } @known[0 .. 10]], [(401) x 10, 429], 'ten of them are looked at');
        is_deeply([map { $_->{status} } @unknown], [map { $_->{status} } @known], 'an address without an account is no different');
        my $bytes = sub { my ($a) = @_; join "\n", $a->{status}, $a->{body}, map { "$_->[0]: $_->[1]" } grep { $_->[0] !~ /^(?:Date|X?-?Retry-After)$/i } @{ $a->{headers} } };
        is($bytes->($unknown[20]), $bytes->($known[20]), 'in no byte');
        refused($known[10], qr/^(?:30|29|28)$/, 'the refusal');
        is(sign_in_from(client(), $site, email => $user->{email}, password => PASSWORD)->{status}, 429, 'the right one has to wait too');
        my @at_once = map { client() } 1 .. 50;
        my $third = new_user($site);
        is_deeply(said(parallel(50, sub { sign_in_from($at_once[$_[0] - 1], $site, email => $third->{email})->{status} })), { 401 => 10, 429 => 40 }, 'fifty from fifty addresses at the same time: ten are answered');
        for my $path ('verify-password', 'change-password') {
            is(from(client(), $site, POST => "/api/auth/$path", json => { password => PASSWORD, currentPassword => PASSWORD, newPassword => 'another one' },
                cookie => $user->{cookie}, origin => ORIGIN)->{status}, 429, "at $path as well");
        }
        like(from(client(), $site, POST => '/auth/sign-in', form => [email => $user->{email}, password => PASSWORD], origin => ORIGIN)->{body},
            qr/Wait \d+ seconds/, 'the page says how long');
        ok(from(client(), $site, GET => '/api/auth/get-session', cookie => $user->{cookie})->{json}, 'who is signed in stays so');
        is(sign_in_from(client(), $site, email => $other->{email}, password => PASSWORD)->{status}, 200, 'another account is not slowed down');

        # nine, right, nine, right: ten in a row are never there
        for my $round (1, 2) {
            my $wrong = sub {
                my ($n) = @_;
                return sign_in_from(client(), $site, email => $other->{email})->{status} if $n % 3 == 0;
                my $path = $n % 3 == 1 ? 'verify-password' : 'change-password';
                return from(client(), $site, POST => "/api/auth/$path", json => { password => 'wrong', currentPassword => 'wrong', newPassword => 'another one' },
                    cookie => $other->{cookie}, origin => ORIGIN)->{status};
            };
            is_deeply(said(map { $wrong->($_) } 1 .. 9), { 400 => 6, 401 => 3 }, "round $round: nine wrong ones, in three places");
            is(sign_in_from(client(), $site, email => $other->{email}, password => PASSWORD)->{status}, 200, 'the right one sets it back') if $round == 1;
            is($wrong->(0), 401, 'a tenth') if $round == 2;
        }
        is(sign_in_from(client(), $site, email => $other->{email}, password => PASSWORD)->{status}, 429, 'wrong ones of all places count together');
    };
}

# --- The log ----------------------------------------------------------------------------------------------------------

for my $server ($httpd, $mysql) {
    open my $in, '<', $server->error_log or die;
    my @lines = <$in>;
    my %times;
    /BA0802: too many requests \((\S+|unknown paths)\), user -, client (\S+)/ and $times{"$1 $2"}++ for @lines;
    my @often = grep { $times{$_} > 2 } keys %times;
    is("@often", '', 'a refusal is a line once in its window, not for each') or diag explain \%times;
    next if $server == $mysql;
    cmp_ok(scalar keys %times, '>', 8, scalar(keys %times) . ' clients and paths were refused');
    is($times{'/sign-in/email 2001:0db8:0007:0001:0000:0000:0000:0000'}, 1, '97 times refused: one line');
    is(scalar(grep { /BA0803: too many wrong passwords \(\d+ seconds to wait\), user (?:\w{32}|-), client \S+/ } @lines), 4, 'a line for each account that is slowed down');
    is(scalar(grep { /BA0[67]\d\d.*\@example\.com/ } @lines), 0, 'no address that somebody typed');
}
for my $server ($httpd, $mysql) {
    my @odd = grep { !/\bAH00045\b|\bBA0(?:119|714)\b.*its file is not there/ } log_lines($server->error_log);    # sites that only count have none
    is(scalar @odd, 0, 'the log knows no trouble') or diag join "\n", @odd;
}
done_testing;
