#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# betterauth-status: what it counts is what happened, over all children, virtual hosts and restarts; whether the server is
# ready; and the part of mod_status's page.
use strict;
use warnings;
use BATest -own;
use BATest::OpenMetrics;
use BATest::Sites;
use Time::HiRes qw(sleep time);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my ($MYSQL, $LITE, $WATCH) = qw(status-mysql status-sqlite status-watch);
my $db = private_mariadb('status');
$db->create('see', schema('mysql'));
my $dir = BATest::state()->{workdir} . "/$MYSQL-" . flavour();
my $file = "$dir/lite.db";
mkdir $dir;
BATest::MariaDB::_pipe(BATest::_slurp(schema('sqlite3')), 'sqlite3', $file);
my $httpd = private_httpd(name => $MYSQL, mariadb => $db, database => 'see', cache => '# the default cache', first => BATest::Sites::load('status'),
    extra => "    BetterAuthMailer dir:\@WORK\@/mails\n    BetterAuthRateLimitRule /list-accounts 1h 1\n",
    limit => "BetterAuthRateLimitDefault 1 1000\n    BetterAuthRateLimitRule /sign-* 1 1000\n    BetterAuthRateLimitRule /sign-*/* 1 1000",
    main => "ExtendedStatus on\nBetterAuthHashConcurrency 2 5\n" . BATest::Sites::vhost($LITE, file => $file)
        . BATest::Sites::vhost($WATCH, bare => 1, extra => <<'END'));
    ProxyPass "/" "http://127.0.0.1:9/"
    <Location "/metrics">
        SetHandler betterauth-status
        Require ip 127.0.0.1
    </Location>
    <Location "/closed">
        SetHandler betterauth-status
        Require ip 192.0.2.1
    </Location>
    <Location "/server-status">
        SetHandler server-status
        ProxyPass "!"
    </Location>
END

my %last;

sub scrape {
    my ($name) = @_;
    my $answer = request($WATCH, GET => '/metrics');
    my ($families, @wrong) = BATest::OpenMetrics::read($answer->{body});
    is($answer->{status}, 200, "$name: there are metrics");
    is_deeply(\@wrong, [], "$name: they are OpenMetrics") or diag join "\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)];
    my %now = map { %{ $_->{samples} } } values %$families;
    # counters never fall
    my @fell = grep { /_(?:total|count|sum|bucket)(?:\{|$)/ && defined $now{$_} && $now{$_} < $last{$_} } keys %last;
    is("@fell", '', "$name: no counter has fallen");
    my %before = %last;
    %last = %now;
    return (\%now, sub { my ($key) = @_; return ($now{$key} // die "no $key\n") - ($before{$key} // 0) }, $families);
}

sub event { return qq(betterauth_events_total{event="$_[0]"}) }
sub lookups { return qq(betterauth_session_lookups_total{by="$_[0]"}) }
sub answers { return qq(betterauth_api_answers_total{endpoint="$_[0]",method="$_[1]",status="$_[2]"}) }
sub sign_in_as { my ($site, $email, $password) = @_; return post($site, '/sign-in/email', { email => $email, password => $password // PASSWORD }) }

subtest 'what a watcher gets' => sub {
    my $answer = request($WATCH, GET => '/metrics');
    is(header($answer, 'content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'the type');
    is(header($answer, 'cache-control'), 'no-store', 'is not kept');
    my $head = request($WATCH, HEAD => '/metrics');
    is("$head->{status} $head->{body}", '200 ', 'HEAD has no body');
    is(request($WATCH, POST => '/metrics', body => '')->{status}, 405, 'POST is refused');
    is(request($WATCH, GET => $_)->{status}, 403, "$_: the Require lines count") for qw(/closed /closed/live /closed/ready);
    for ([live => "live\n"], [ready => "ready\n"]) {
        my ($path, $text) = @$_;
        my $answer = request($WATCH, GET => "/metrics/$path");
        is("$answer->{status} $answer->{body}", "200 $text", $path) or diag $answer->{body};
        is(header($answer, 'content-type'), 'text/plain; charset=utf-8', "$path: is text");
    }
};

subtest 'what happened, on both sites and all children' => sub {
    scrape('before');
    my %user = map { $_ => sign_up($_) } $MYSQL, $LITE;
    is(post($_, '/sign-up/email', { name => 'x', email => $user{$_}{email}, password => PASSWORD })->{status}, 422, "$_: taken") for $MYSQL, $LITE;
    my @said = parallel(4, sub {
        my ($n) = @_;
        my $site = $n % 2 ? $MYSQL : $LITE;
        return join ' ', map { $_->{status} } sign_in_as($site, $user{$site}{email}), sign_in_as($site, $user{$site}{email}, 'wrong wrong'),
            sign_in_as($site, 'nobody@example.com', 'wrong wrong'), request($site, GET => '/api/auth/get-session', cookie => $user{$site}{cookie});
    });
    is_deeply(\@said, [('200 401 401 200') x 4], 'all were answered') or diag "@said";
    post($LITE, '/sign-out', {}, cookie => $user{$LITE}{cookie});
    request($LITE, GET => '/api/auth/get-session', cookie => $user{$LITE}{cookie});
    request($LITE, GET => '/api/auth/no-such-endpoint');
    request($LITE, POST => '/auth/sign-in', form => [email => $user{$LITE}{email}, password => PASSWORD], origin => ORIGIN);
    post($MYSQL, '/request-password-reset', { email => $user{$MYSQL}{email} });
    request($MYSQL, GET => '/api/auth/list-accounts', cookie => $user{$MYSQL}{cookie}) for 1 .. 3;

    my ($now, $more, $families) = scrape('after');
    my %expected = (event('sign-up') => 2, event('sign-up-taken') => 2, event('sign-in') => 5, event('sign-in-failed') => 8, event('sign-out') => 1,
        event('reset-requested') => 1, event('limited') => 1, event('password-changed') => 0,
        'betterauth_sign_in_failures_total{reason="wrong password"}' => 4, 'betterauth_sign_in_failures_total{reason="unknown address"}' => 4,
        'betterauth_sign_in_failures_total{reason="no password"}' => 0, 'betterauth_sessions_started_total' => 7,
        answers('/sign-in/email', 'POST', '2xx') => 5, answers('/sign-in/email', 'POST', '4xx') => 8, answers('/sign-up/email', 'POST', '2xx') => 2,
        answers('/sign-up/email', 'POST', '4xx') => 2, answers('/list-accounts', 'GET', '2xx') => 1, answers('/list-accounts', 'GET', '4xx') => 2,
        answers('other', 'other', '4xx') => 1, answers('/get-session', 'GET', '2xx') => 5, lookups('nobody') => 1,
        # two sign-ups and what the sign-ins compare
        'betterauth_hash_seconds_count' => 2 + 5 + 8, 'betterauth_hash_refused_total{reason="queue full"}' => 0);
    is($more->($_), $expected{$_}, $_) for sort keys %expected;
    is($more->('betterauth_api_seconds_count{endpoint="/sign-in/email",method="POST"}'), 13, 'each was timed');
    cmp_ok($more->('betterauth_hash_seconds_sum'), '>', 0.01, 'hashes took their time');
    cmp_ok($more->('betterauth_database_wait_seconds_count'), '>', 20, 'connections were waited for');
    is($now->{betterauth_hash_permits}, 2, 'permits');
    is($now->{betterauth_hash_places}, 5, 'places');
    is($now->{betterauth_hash_busy} + $now->{betterauth_hash_waiting}, 0, 'nobody hashes');
    is_deeply([grep { $families->{$_}{type} eq 'counter' && !%{ $families->{$_}{samples} } } keys %$families], [], 'every counter has a value from the start');
};

subtest 'who knew whose session it is' => sub {
    my $user = sign_up($MYSQL);
    scrape('before');
    my @children = $httpd->children;
    request($MYSQL, GET => '/members/page.html', cookie => $user->{cookie}) for 1 .. 6;
    my ($now, $more) = scrape('after');
    is($more->(lookups('database')), 1, 'the database, once');
    is($more->('betterauth_session_cache_misses_total'), 1, 'after a miss');
    is($more->('betterauth_session_lookup_seconds_count'), 1, 'which was timed');
    is($more->(lookups('cache')), 5, 'then the cache');
    request($MYSQL, GET => '/members/page.html', cookie => 'better-auth.session_token=forged.forged') for 1 .. 3;
    (undef, $more) = scrape('forged');
    is($more->(lookups('nobody')), 0, 'a bad signature is not looked up');
    $db->sql("UPDATE session SET expiresAt = '2020-01-01 00:00:00' WHERE token = '$user->{token}'", 'see');
    request($MYSQL, GET => '/api/auth/get-session?disableCookieCache=1', cookie => $user->{cookie});
    (undef, $more) = scrape('over');
    is($more->('betterauth_sessions_expired_total{found="used"}'), 1, 'one whose time is over');
    is($more->(lookups('nobody')), 1, 'is nobody\'s');
};

subtest 'mail' => sub {
    # written for another site, so that nobody sends it
    my $long_ago = moment($LITE, -1000);
    sql($LITE, "INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt, attempts) VALUES ('m1', 'http://x', 'a', 'b', 'c', '$long_ago', '2999-01-01T00:00:00.000Z', 0)");
    my $deadline = time + 10;
    my ($now, $more);
    do { sleep 0.2; ($now) = scrape('mail') } until $now->{'betterauth_mail_attempts_total{result="sent"}'} >= 1 || time > $deadline;
    is($now->{'betterauth_mail_attempts_total{result="sent"}'}, 1, 'the mail of the password reset was sent');
    is($now->{betterauth_mail_queue}, 1, 'one waits');
    cmp_ok($now->{betterauth_mail_oldest_age_seconds}, '>', 999, 'since long ago');
    cmp_ok($now->{betterauth_mail_oldest_age_seconds}, '<', 1100, 'but not longer');
    sql($LITE, "DELETE FROM ba_mail WHERE id = 'm1'");
    ($now) = scrape('none');
    is("$now->{betterauth_mail_queue} $now->{betterauth_mail_oldest_age_seconds}", '0 0.000', 'none waits');
};

subtest 'mod_status' => sub {
    my $page = request($WATCH, GET => '/server-status')->{body};
    like($page, qr{<h2>mod_betterauth</h2>}, 'has a part of ours');
    my ($now) = scrape('now');
    like($page, qr{<td>sign-ins</td><td>$now->{ event('sign-in') }</td>}, 'with the numbers of the metrics');
    my $auto = request($WATCH, GET => '/server-status?auto')->{body};
    my %said = $auto =~ /^(BetterAuth\w+): (\d+)$/mg;
    is($said{BetterAuthSignIns}, $now->{ event('sign-in') }, '?auto: sign-ins');
    is($said{BetterAuthSignUps}, $now->{ event('sign-up') }, '?auto: sign-ups');
    is($said{BetterAuthSignInFailures}, 8, '?auto: failures');
    is($said{BetterAuthHashBusy}, 0, '?auto: hashes');
    unlike($auto, qr/<h2>|<td>/, '?auto: no HTML');
    like($page, qr{<h3>BetterAuthSessionCache shmcb [^<]+</h3>\s*cache type: <b>SHMCB</b>}, 'the session cache speaks for itself');
    like($auto, qr/^BetterAuthSessionCache: shmcb .*\nCacheType: SHMCB\n/m, '?auto: it does, too');
    cmp_ok(($auto =~ /^CacheRetrieveHitCount: (\d+)$/m)[0], '>=', 5, '?auto: who was found in it');
};

subtest 'graceful restarts and killed children' => sub {
    my ($before) = scrape('before');
    my %old = map { $_ => 1 } $httpd->children;
    $httpd->signal('USR1');
    my $deadline = time + 15;
    sleep 0.1 until !(grep { $old{$_} } $httpd->children) || time > $deadline;
    my ($now, $more) = scrape('restarted');
    is($now->{betterauth_counting_since_timestamp_seconds}, $before->{betterauth_counting_since_timestamp_seconds}, 'the counters are the same');
    is($now->{ event('sign-in') }, $before->{ event('sign-in') }, 'and have kept their values');
    kill KILL => $httpd->children;
    my $answer;
    do { sleep 0.1; $answer = request($WATCH, GET => '/metrics/live') } until $answer || time > $deadline;
    my $user = sign_up($LITE);
    (undef, $more) = scrape('killed');
    is($more->(event('sign-up')), 1, 'new children go on counting');
};

subtest 'not ready' => sub {
    my $ready = sub { my $answer = request($WATCH, GET => '/metrics/ready'); return "$answer->{status} $answer->{body}" };
    rename $file, "$file.away";
    $db->sql('RENAME TABLE verification TO verification_away', 'see');
    is($ready->(), "503 not ready: the tables are not as expected\n", 'a table is missing');
    $db->sql('RENAME TABLE verification_away TO verification', 'see');
    rename "$file.away", $file;
    is($ready->(), "200 ready\n", 'all is well again');
    my ($before) = scrape('before');
    $db->stop;
    is($ready->(), "503 not ready: the database does not answer\n", 'the database is down');
    is(request($WATCH, GET => '/metrics/live')->{status}, 200, 'and yet we live');
    my ($now, $more) = scrape('down');
    cmp_ok($more->('betterauth_database_errors_total{kind="connect"}'), '>', 0, 'is counted');
    ok(!exists $now->{betterauth_mail_queue}, 'how much mail there is cannot be known');
};

subtest 'a server without a site' => sub {
    my $flavour = BATest::state()->{flavours}{ flavour() };
    my %site = (port => free_port(), private => 1);
    $flavour->{sites}{'status-nothing'} = \%site;
    my $bare = BATest::Httpd->new(dir => "$dir-bare", port => free_port(), module => $flavour->{module}, env => $flavour->{env},
        sites => [{ name => 'status-nothing', port => $site{port}, conf => "<Location />\nSetHandler betterauth-status\nRequire local\n</Location>\n" }])->launch;
    my %said = map { $_ => request('status-nothing', GET => "/x$_") } '', '/live', '/ready';
    $bare->stop;
    is($said{''}{status}, 500, 'has no metrics');
    is($said{'/live'}{status}, 200, 'is alive');
    is("$said{'/ready'}{status} $said{'/ready'}{body}", "503 not ready: no site is configured\n", 'is not ready');
    is((grep { /\bBA0193\b/ } log_lines($bare->error_log))[0] ? 1 : 0, 1, 'and says why');
};

my @lines = grep { !/\bAH0005[12]\b|\bAH00045\b|\bBA01(?:04|05)\b|\bBA0201\b|\bBA0714\b|\bAH01630\b.*\/closed|\[dbd:error\]/ } log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no other trouble') or diag join "\n", @lines;
done_testing;
