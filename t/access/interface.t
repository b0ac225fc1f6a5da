#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# mod_betterauth.h, as t/module/mod_sample.c uses it: who is signed in, and a say in who may sign in; whichever of the
# two modules httpd loads first, and where it loads one alone.
use strict;
use warnings;
use BATest -own;
use BATest::Httpd;
use BATest::Sites;
use File::Basename qw(dirname);

expect_private_log(qw(BA0104 BA0105 BA0119 BA0120 BA0351 BA0714 AH00629 AH00632 AH00633 AH00636));    # no database, and a module that cannot say

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $ours = BATest::state()->{flavours}{ flavour() }{module};
my $sample = dirname(dirname $ours) . '/t/module/.libs/mod_sample.so';
plan skip_all => "no $sample: make unit" unless -e $sample;
my $LOAD = "LoadModule sample_module $sample\n";

my $WHO = <<'END';
    <Location "/who">
        Require all granted
        SetHandler sample-who
    </Location>
    <Location "/who-confirmed">
        Require all granted
        SetHandler sample-who-confirmed
    </Location>
END
my $REFUSE = $WHO . <<'END';
    SampleRefuse *@closed.example CLOSED_TODAY "Closed <b>today</b>."
    SampleDown *@down.example
    BetterAuthVerifySignsIn on
END

# Somebody with an address that may not sign in, who has an account and a session all the same.
sub member {
    my ($site, $domain) = @_;
    my $user = sign_up($site);
    (my $email = $user->{email}) =~ s/\@.*/\@$domain/;
    sql($site, "UPDATE user SET email = '$email' WHERE id = '$user->{user}{id}'");
    return { %$user, email => $email };
}

sub logged { my ($httpd, $what) = @_; open my $in, '<', $httpd->error_log or die; return scalar grep { /$what/ } <$in> }
sub told { my ($answer) = @_; return { map { /^(\w+) (.*)/ ? ($1 => $2) : () } split /\n/, $answer->{body} } }

sub who_is_signed_in {
    my ($site) = @_;
    my $user = sign_up($site, image => 'https://x.example/me.png');
    my ($row) = sql($site, "SELECT id FROM session WHERE userId = '$user->{user}{id}'");
    for my $path ('/who', '/who-confirmed') {
        my $answer = request($site, GET => $path, cookie => $user->{cookie});
        my $told = told($answer);
        is_deeply([@$told{qw(version id email name verified session image)}], [1, $user->{user}{id}, $user->{email}, 'Test', 0, $row->[0], 'https://x.example/me.png'], "$path: who")
            or diag $answer->{body};
        my ($made, $begun) = split / /, $told->{created};
        cmp_ok(abs($_ - time), '<', 60, "$path: a time of now") for $made, $begun, $told->{expires} - 604800;
        is(request($site, GET => $path)->{body}, "nobody\n", "$path: nobody");
        is(request($site, GET => $path, cookie => 'better-auth.session_token=' . signed($user->{token}, 'x' x 32))->{body}, "nobody\n", "$path: a bad signature is nobody");
    }
    sql($site, "UPDATE user SET emailVerified = 1 WHERE id = '$user->{user}{id}'");
    is(told(request($site, GET => '/who-confirmed', cookie => $user->{cookie}))->{verified}, 1, 'whose address is verified by now');
    is(header(request($site, GET => '/members/page.html', cookie => $user->{cookie}, headers => ['X-Sample-Early' => 1]), 'x-sample'), $user->{user}{id}, 'before authentication');
    is(header(request($site, GET => '/members/page.html', headers => ['X-Sample-Early' => 1]), 'x-sample'), 'nobody', 'nobody, before authentication');
    sql($site, "UPDATE session SET expiresAt = '" . moment($site, 5 * 86400) . "' WHERE id = '$row->[0]'");
    my $due = request($site, GET => '/who-confirmed', cookie => $user->{cookie}, headers => ['X-Sample-Early' => 1]);
    is(scalar(() = headers($due, 'set-cookie')), 1, 'asked twice, a session is renewed once');
    is(post($site, '/sign-out', {}, cookie => $user->{cookie})->{status}, 200, 'sign-out');
    is(request($site, GET => $_, cookie => $user->{cookie})->{body}, "nobody\n", "$_: nobody any more") for '/who', '/who-confirmed';
}

sub who_may_sign_in {
    my ($site, $httpd) = @_;
    my @closed = (403, 'CLOSED_TODAY');
    my $user = member($site, 'closed.example');
    my ($sessions, $users, $lines) = (session_count($site), user_count($site), logged($httpd, 'BA0350'));
    my %login = (email => $user->{email}, password => PASSWORD);

    error_is(post($site, '/sign-in/email', \%login), @closed, 'Closed <b>today</b>. (/sign-in/email)', 'sign-in');
    is(logged($httpd, 'BA0350: .*\(CLOSED_TODAY\), user ' . $user->{user}{id}), 1, 'one line in the log');
    is(logged($httpd, quotemeta $user->{email}), 0, 'which knows no address');
    error_is(post($site, '/sign-in/email', { %login, password => 'something else' }), 401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password', 'a wrong password is that and no more');
    error_is(post($site, '/sign-up/email', { %login, name => 'x', email => 'new@closed.example' }), @closed, 'Closed <b>today</b>. (/sign-up/email)', 'sign-up');
    error_is(post($site, '/change-password', { currentPassword => PASSWORD, newPassword => 'something else', revokeOtherSessions => \1 }, cookie => $user->{cookie}),
        @closed, 'Closed <b>today</b>. (/change-password)', 'a new password that ends all sessions');
    my $link = '/api/auth/verify-email?token=' . jwt(sprintf '{"email":"%s","exp":%d}', $user->{email}, time + 600);
    my $followed = request($site, GET => "$link&callbackURL=/x");
    is("$followed->{status} " . header($followed, 'location'), '302 /x?error=CLOSED_TODAY', 'a link that signs in');
    is_deeply(cookies($followed)->{''}, [], 'sets no cookie');
    error_is(request($site, GET => $link), @closed, 'Closed <b>today</b>. (/verify-email)', 'asked for as JSON');

    for my $page ('sign-in', 'sign-up') {
        my $answer = request($site, POST => "/auth/$page", origin => ORIGIN, form => [name => 'x', email => $page eq 'sign-in' ? $user->{email} : 'y@closed.example', password => PASSWORD]);
        is($answer->{status}, 403, "the page $page");
        like($answer->{body}, qr{Closed &lt;b&gt;today&lt;/b&gt;\. \(/$page/email\)}, 'says the sentence as it is');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
    }
    is(session_count($site), $sessions, 'no session has come');
    is(user_count($site), $users, 'no account either');
    is((sql($site, "SELECT emailVerified FROM user WHERE id = '$user->{user}{id}'"))[0][0], 0, 'the address is not verified');
    is(logged($httpd, 'BA0350'), $lines + 7, 'one line each');
    is(request($site, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, 'the session of before goes on');

    my $down = member($site, 'down.example');
    my $answer = post($site, '/sign-in/email', { email => $down->{email}, password => PASSWORD });
    error_is($answer, 503, 'SERVICE_UNAVAILABLE', 'Service temporarily unavailable. Please try again later.', 'who cannot be judged');
    ok(header($answer, 'retry-after'), 'may try again');
    is(post($site, '/sign-in/email', { email => sign_up($site)->{email}, password => PASSWORD })->{status}, 200, 'everybody else signs in');
}

my $database = 'ba_interface_' . flavour();
mariadb()->create($database);
mariadb()->load($database, schema('mysql'));

for my $order ('before', 'after') {
    my ($name, $lite) = ("interface-$order", "interface-$order-lite");
    my $httpd = private_httpd(name => $name, mariadb => mariadb(), database => $database, extra => $REFUSE,
        $order eq 'before' ? (first => $LOAD) : (),
        main => ($order eq 'after' ? $LOAD : '')
            . BATest::Sites::vhost($lite, file => BATest::Sites::file($name), extra => $REFUSE)
            . BATest::Sites::vhost("$name-cache", file => BATest::Sites::file($name), extra => "$WHO    SampleRefuse *\@closed.example \"no code\"\n    BetterAuthCookieCache compact\n")
            . BATest::Sites::vhost("$name-broken", file => '/nonexistent/x.db', extra => $WHO)
            . BATest::Sites::vhost("$name-without", bare => 1, extra => $WHO));
    BATest::MariaDB::_pipe(join('', map { local (@ARGV, $/) = $_; <> } schema('sqlite3')), 'sqlite3', BATest::Sites::file($name));

    for my $site ($name, $lite) {
        clean($site);
        subtest "loaded $order ours, $site: who is signed in" => sub { who_is_signed_in($site) };
        subtest "loaded $order ours, $site: who may sign in" => sub { who_may_sign_in($site, $httpd) };
    }
    subtest "loaded $order ours: caches" => sub {
        my $user = sign_up("$name-cache");
        sql("$name-cache", 'DELETE FROM session');
        is(told(request("$name-cache", GET => '/who', cookie => $user->{cookie}))->{email}, $user->{email}, 'a cache may be believed');
        is(request("$name-cache", GET => '/who-confirmed', cookie => $user->{cookie})->{body}, "nobody\n", 'or the database be asked');
        error_is(post("$name-cache", '/sign-up/email', { name => 'x', email => 'z@closed.example', password => PASSWORD }), 403, 'SIGN_IN_REFUSED', 'You may not sign in.',
            'a code that is none is not used, nor is a text that is not there');
    };
    subtest "loaded $order ours: no answer" => sub {
        my $cookie = 'better-auth.session_token=' . signed('a' x 32);
        is(request("$name-broken", GET => $_, cookie => $cookie)->{status}, 503, "$_: cannot say") for '/who', '/who-confirmed';
        is(request("$name-broken", GET => '/who')->{body}, "nobody\n", 'no cookie, no question');
        is(request("$name-without", GET => '/who', cookie => $cookie)->{body}, "nobody\n", 'a server without a secret');
    };
    $httpd->stop;
}

subtest 'without ours' => sub {
    my $port = free_port();
    my $httpd = BATest::Httpd->new(dir => BATest::state()->{workdir} . '/interface-alone-' . flavour(), port => free_port(), first => $LOAD,
        env => BATest::state()->{flavours}{ flavour() }{env}, sites => [{ name => 'alone', port => $port, conf => "$WHO    SampleRefuse *\n" }])->launch;
    BATest::state()->{flavours}{ flavour() }{sites}{alone} = { port => $port, private => 1 };
    is(request('alone', GET => '/who', headers => ['X-Sample-Early' => 1])->{body}, "no mod_betterauth\n", 'httpd starts, and the functions are not there');
    $httpd->stop;
};

done_testing;
