#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthAuditLog: who did what, from where, and how it ended; nothing secret; whole lines, whoever writes at the same
# time; rotation, a program, a full disk; what fail2ban makes of it; and what the other logs of httpd can say.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;
use File::Basename qw(dirname);
use IPC::Open3 ();
use Time::HiRes qw(sleep time);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my ($MYSQL, $LITE, $FULL, $HEIR, $OFF) = qw(audit-mysql audit-sqlite audit-full audit-heir audit-off);
my $state = BATest::state();
my $dir = "$state->{workdir}/$MYSQL-" . flavour();
mkdir $dir;
my %file = map { $_ => "$dir/$_.db" } $LITE, $FULL;
my ($log, $piped, $access, $main) = map { "$dir/$_" } qw(audit.log piped.log access.log main.log);
my ($db, $DATABASE) = (private_mariadb('audit'), 'see');
$db->create($DATABASE, schema('mysql'));
for my $name (keys %file) { BATest::MariaDB::_pipe(BATest::_slurp(schema('sqlite3')), 'sqlite3', $file{$name}) }
# a program that reads lines, as rotatelogs does
my $program = "$dir/reader.sh";
{ open my $out, '>', $program or die; print {$out} "#!/bin/sh\nexec cat >>'$piped'\n"; close $out; chmod 0755, $program }

my $extra = <<'END';
    BetterAuthMailer dir:@WORK@/mails
    BetterAuthChangeEmail on
    BetterAuthDeleteUser on
    RemoteIPHeader X-Forwarded-For
    RemoteIPInternalProxy 127.0.0.1
    ProxyPass "/guarded/dead" "http://127.0.0.1:9/"
    <Location "/fresh">
        AuthType Session
        AuthName "Fresh"
        Require betterauth fresh 1h
    </Location>
END
my $httpd = private_httpd(name => $MYSQL, mariadb => $db, database => $DATABASE, first => BATest::Sites::load('unique_id'),
    extra => qq{$extra    BetterAuthAuditLog "$log"\n    CustomLog "$access" "%U %{betterauth-event}n %{email}^BA %{BETTERAUTH_EMAIL}e %u %{UNIQUE_ID}e"\n},
    main => qq{BetterAuthAuditLog "$main"\nErrorLogFormat "[%t] [%-m:%l] [pid %P:tid %T] [client %a] [user\\\\ %{BETTERAUTH_USER_ID}e] %M"\n}
        . BATest::Sites::vhost($LITE, file => $file{$LITE}, extra => qq{$extra    BetterAuthAuditLog "|$program"\n})
        . BATest::Sites::vhost($FULL, file => $file{$FULL}, extra => "    BetterAuthAuditLog /dev/full\n")
        . BATest::Sites::vhost($HEIR, file => $file{$LITE}) . BATest::Sites::vhost($OFF, file => $file{$LITE}, extra => "    BetterAuthAuditLog off\n"));

my %read;    # how far each log has been looked at
my %logs = ($MYSQL => $log, $LITE => $piped, $HEIR => $main);

# The lines since the last look, once there are as many.
sub told {
    my ($site, $want) = @_;
    my ($deadline, $text) = (time + 5, '');
    while (1) {
        if (open my $in, '<:raw', $logs{$site}) { seek $in, $read{$site} // 0, 0; local $/; $text = <$in> // '' }
        last if ($text =~ tr/\n//) >= $want || time > $deadline;
        sleep 0.05;
    }
    $read{$site} += length $text;
    is(substr($text, -1), "\n", 'lines are whole') if length $text;
    my @lines = map { my $json = eval { JSON::PP->new->utf8->decode($_) }; $json || fail("no JSON: $_"); +{ %{ $json || {} }, '' => $_ } } split /\n/, $text;
    is(scalar @lines, $want, "$want lines") or diag $text;
    return @lines;
}

my $AGENT = "Agent \"\\ \xe9 " . 'x' x 2000;
my $CLIENT = '198.51.100.7';
sub by { my ($site, $path, $data, %o) = @_; return post($site, $path, $data, %o, headers => ['X-Forwarded-For' => $o{from} // $CLIENT, 'User-Agent' => $AGENT, @{ $o{headers} || [] }]) }
sub new_user { my ($site) = @_; my %user = (name => 'Zoe', email => new_email(), password => PASSWORD); my $a = by($site, '/sign-up/email', \%user); return { %user, cookie => cookie_header($a), token => $a->{json}{token}, id => $a->{json}{user}{id} } }
sub rows { my ($site, $sql) = @_; return $site eq $MYSQL ? $db->sql($sql, $DATABASE) : sql($site, $sql) }

for my $site ($MYSQL, $LITE) {
    subtest "$site: each event" => sub {
        my $before = time;
        my $user = new_user($site);
        my ($line) = told($site, 1);
        my ($session) = map { $_->[0] } rows($site, "SELECT id FROM session WHERE token = '$user->{token}'");
        my ($time, $request, $text) = delete @$line{qw(time request), ''};
        is_deeply($line, { event => 'sign-up', outcome => 'success', client => $CLIENT, site => ORIGIN, user => $user->{id}, session => $session,
            agent => substr("Agent \"\\ \x{e9} " . 'x' x 2000, 0, 256) }, 'sign-up: who, what, from where');
        like($time, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'the time, in UTC, to the millisecond');
        require Time::Local;
        my ($y, $m, $d, $h, $min, $s) = $time =~ /(\d+)/g;
        my $then = Time::Local::timegm($s, $min, $h, $d, $m - 1, $y);
        ok($then >= int($before) && $then <= time, 'is now');
        like($request, qr/^[\w@-]{20,}$/, "the id of mod_unique_id");
        like($text, qr/^\{"time":"[^"]+","event":"[^"]+","outcome":"[^"]+",(?:"reason":"[^"]+",)?"client":"[^"]+","site":/, 'the order that filters rely on');
        cmp_ok(length $text, '<', 2000, 'a long User-Agent is cut');

        my $in = sub { my ($email, $password) = @_; return by($site, '/sign-in/email', { email => $email, password => $password }) };
        my $cookie = cookie_header($in->($user->{email}, PASSWORD));
        $in->($user->{email}, 'wrong wrong wrong');
        $in->('nobody@example.com', 'wrong wrong wrong');
        by($site, '/sign-up/email', { name => 'x', email => $user->{email}, password => PASSWORD });
        request($site, POST => '/auth/sign-in', form => [email => $user->{email}, password => 'wrong wrong wrong'], origin => ORIGIN, headers => ['X-Forwarded-For' => '2001:db8:1:2::7']);
        by($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD }, origin => 'https://evil.example', cookie => 'a=b');
        by($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD, callbackURL => 'https://evil.example/' });
        by($site, '/change-password', { currentPassword => 'wrong wrong', newPassword => PASSWORD . 2 }, cookie => $cookie);
        by($site, '/change-password', { currentPassword => PASSWORD, newPassword => PASSWORD . 2 }, cookie => $cookie);
        by($site, '/request-password-reset', { email => $user->{email} });
        by($site, '/request-password-reset', { email => 'nobody@example.com' });
        by($site, '/revoke-session', { token => $user->{token} }, cookie => $cookie);
        by($site, '/revoke-other-sessions', {}, cookie => $cookie);
        my $old = $site eq $MYSQL ? '2025-01-01 00:00:00' : '2025-01-01T00:00:00.000Z';
        rows($site, "UPDATE session SET createdAt = '$old' WHERE userId = '$user->{id}'");
        is(request($site, GET => '/fresh/index.html', cookie => $cookie)->{status}, 403, 'not fresh enough');
        by($site, '/change-email', { newEmail => new_email() }, cookie => $cookie);
        by($site, '/sign-out', {}, cookie => $cookie);
        by($site, '/sign-out', {}, cookie => $cookie);
        my @said = told($site, 15);
        my @short = map { my $l = $_; join ' ', map { $l->{$_} // '-' } qw(event outcome reason client) } @said;
        is_deeply(\@short, ["sign-in success - $CLIENT", "sign-in-failed failure wrong password $CLIENT", "sign-in-failed failure unknown address $CLIENT",
            "sign-up-taken failure - $CLIENT", 'sign-in-failed failure wrong password 2001:db8:1:2::7', "origin-refused denied INVALID_ORIGIN $CLIENT",
            "url-refused denied callbackURL $CLIENT", "password-wrong failure - $CLIENT", "password-changed success - $CLIENT", "reset-requested success - $CLIENT",
            "session-revoked success - $CLIENT", "sessions-revoked success all others $CLIENT", 'step-up denied - 127.0.0.1',
            "email-change-requested success - $CLIENT", "sign-out success - $CLIENT"], 'in order, each once') or diag join "\n", @short;
        my %user = map { $_->{event} => $_->{user} } @said;
        is($user{$_}, $user->{id}, "$_: whose it is") for qw(sign-in password-wrong password-changed reset-requested session-revoked step-up sign-out);
        is($said[1]{user}, $user->{id}, 'a wrong password: whose it is');
        ok(!exists $said[2]{user}, 'an unknown address is nobody\'s, and is not told');
        is($said[14]{session}, $said[0]{session}, 'sign-in and sign-out name the session alike');
        my $all = join "\n", map { $_->{''} } @said;
        my $token = $cookie =~ /=([^.;]+)\./ ? $1 : die;
        unlike($all, $_->[1], "no $_->[0]") for ['password', qr/correct horse|wrong wrong/], ['token', qr/\Q$token\E|\Q$user->{token}\E/], ['cookie', qr/session_token/], ['address', qr/\@example/];
    };
}

subtest 'virtual hosts' => sub {
    by($_, '/sign-in/email', {}, origin => 'https://evil.example', cookie => 'a=b') for $OFF, $HEIR, $OFF;
    is((told($HEIR, 1))[0]{event}, 'origin-refused', 'one that says nothing has the main server\'s, one that says off has none');
};

subtest 'many at the same time' => sub {
    for my $site ($MYSQL, $LITE) {
        my @said = parallel(4, sub { join ' ', map { by($site, '/sign-in/email', { email => 'nobody@example.com', password => 'x' }, origin => 'https://evil.example', cookie => 'a=b')->{status} } 1 .. 25 });
        is_deeply(\@said, [(join ' ', (403) x 25) x 4], "$site: all are answered");
        my %request = map { $_->{request} => 1 } told($site, 100);
        is(scalar keys %request, 100, "$site: each line is one request's");
    }
};

subtest 'rotation' => sub {
    rename $log, "$log.1" or die;
    by($MYSQL, '/sign-in/email', {}, origin => 'https://evil.example', cookie => 'a=b');
    my $old = do { open my $in, '<', "$log.1" or die; local $/; <$in> };
    like($old, qr/origin-refused[^\n]*\n\z/, 'until the restart the old file is written');
    my %old = map { $_ => 1 } $httpd->children;
    $httpd->signal('USR1');
    my $deadline = time + 15;
    sleep 0.1 until !(grep { $old{$_} } $httpd->children) || time > $deadline;
    %read = ($LITE => $read{$LITE});
    by($_, '/sign-in/email', {}, origin => 'https://evil.example', cookie => 'a=b') for $MYSQL, $LITE;
    is((told($_, 1))[0]{event}, 'origin-refused', "$_: then the new one, or the new program") for $MYSQL, $LITE;
    is(sprintf('%o', (stat $log)[2] & 07777), '640', 'others cannot read it');
};

subtest 'a full disk' => sub {
    my $user = new_user($FULL);
    is(by($FULL, '/sign-in/email', { email => $user->{email}, password => PASSWORD })->{status}, 200, 'people sign in all the same') for 1 .. 6;
    is(by($FULL, '/sign-in/email', { email => $user->{email}, password => 'wrong wrong' })->{status}, 401, 'and are refused all the same');
    my @lines = grep { /BA0192/ } log_lines($httpd->error_log);
    my %by = map { /\[pid (\d+)/ ? ($1 => 1) : () } @lines;
    cmp_ok(scalar @lines, '>=', 1, 'it is told');
    is(scalar @lines, scalar keys %by, 'once by each child');
};

subtest 'the other logs' => sub {
    my $user = new_user($MYSQL);
    told($MYSQL, 1);
    request($MYSQL, GET => '/guarded/env', cookie => $user->{cookie});
    request($MYSQL, GET => '/guarded/env', headers => [BETTERAUTH_EMAIL => 'evil@example.com']);
    my $deadline = time + 5;
    my @lines;
    do { sleep 0.05; open my $in, '<', $access or die; @lines = grep { /env|sign-up/ } <$in> } until ($lines[-1] // q()) =~ m{^/guarded/env - - - - } || time > $deadline;
    my ($up, $page, $nobody) = @lines[-3 .. -1];
    like($up, qr{^/api/auth/sign-up/email sign-up - - - [\w@-]{20,}$}, 'the access log: an event');
    like($page, qr{^/guarded/env - \Q$user->{email}\E \Q$user->{email}\E \Q$user->{email}\E [\w@-]{20,}$}, 'the access log: who it was');
    like($nobody, qr{^/guarded/env - - - - [\w@-]{20,}$}, 'the access log: nobody');
    is(request($MYSQL, GET => '/guarded/dead', cookie => $user->{cookie})->{status}, 503, 'a back end that is down');
    open my $in, '<', $httpd->error_log or die;
    my @of_user = grep { /\[user \Q$user->{id}\E\]/ } <$in>;
    seek $in, 0, 0;
    ok((grep { /BA0401: sign-up, user \Q$user->{id}\E, client \Q$CLIENT\E$/ } <$in>), 'the error log: an event');
    ok((grep { /proxy_http:error/ } @of_user), 'the error log, with ErrorLogFormat: whose request it was') or diag @of_user;
};

# --- fail2ban

my $F2B = "$state->{srcdir}/support/fail2ban";
my ($FAIL2BAN) = $ENV{BA_FAIL2BAN} || grep { -x } '/usr/bin/fail2ban-regex';

# A program of fail2ban, installed or only unpacked; answers its exit status and what it said.
sub fail2ban {
    my ($name, @args) = @_;
    my $bin = dirname($FAIL2BAN);
    local $ENV{PYTHONPATH} = dirname($bin) . '/lib/python3/dist-packages';
    local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
    my $pid = IPC::Open3::open3(my $in, my $out, undef, "$bin/$name", @args);
    close $in;
    my $said = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    return ($? >> 8 || $?, $said);
}

sub banned {
    my ($file) = @_;
    my (undef, $said) = fail2ban('fail2ban-regex', '--out', 'ip', $file, "$F2B/filter.d/betterauth.conf");
    note $said;
    return grep { /^[0-9a-f:.]+$/ } split /\n/, $said;
}

subtest 'fail2ban' => sub {
    plan skip_all => 'no fail2ban; ./setup check brings it' unless $FAIL2BAN;
    my $user = new_user($MYSQL);
    told($MYSQL, 1);
    my $from = $read{$MYSQL};
    my $guess = sub { my ($ip, $agent) = @_; request($MYSQL, POST => '/api/auth/sign-in/email', json => { email => $user->{email}, password => 'wrong wrong' }, origin => ORIGIN, headers => ['X-Forwarded-For' => $ip, 'User-Agent' => $agent // 'x']) };
    $guess->($_) for '192.0.2.1', '192.0.2.1', '2001:db8::5';
    $guess->('192.0.2.2', '","client":"203.0.113.1","event":"sign-in-failed","outcome":"failure","client":"203.0.113.2",');
    by($MYSQL, '/sign-in/email', { email => $user->{email}, password => PASSWORD }, from => '192.0.2.3');
    request($MYSQL, POST => '/api/auth/sign-in/email', json => { email => $user->{email}, password => PASSWORD }, origin => ORIGIN,
        headers => ['X-Forwarded-For' => '192.0.2.4', 'User-Agent' => '{"time":"2026-01-01T00:00:00.000Z","event":"sign-in-failed","outcome":"failure","client":"203.0.113.3",']);
    told($MYSQL, 6);
    my $part = "$dir/part.log";
    open my $in, '<:raw', $log or die;
    seek $in, $from, 0;
    open my $out, '>:raw', $part or die;
    print {$out} <$in>;
    close $out;
    is_deeply([banned($part)], ['192.0.2.1', '192.0.2.1', '2001:db8::5', '192.0.2.2'], 'the audit log: who guesses, and nobody whom they name');

    # the other events that count, and one that does not
    open $out, '>', $part or die;
    my $n = 0;
    print {$out} map { sprintf qq({"time":"2026-11-21T15:29:16.123Z","event":"%s","outcome":"denied","client":"192.0.2.%d","site":"http://auth.test"}\n), $_, ++$n } qw(sign-up-taken password-wrong mail-refused account-locked limited);
    close $out;
    is_deeply([banned($part)], [map { "192.0.2.$_" } 1 .. 4], 'also a taken address, a wrong password of somebody signed in, too much mail, and a locked account');

    # the jail, beside fail2ban's own configuration, as docs/monitoring.md puts it there
    my $etc = dirname(dirname(dirname($FAIL2BAN))) . '/etc/fail2ban';
    system('cp', '-r', $etc, "$dir/fail2ban") == 0 && system('cp', '-r', "$F2B/filter.d", "$F2B/jail.d", "$dir/fail2ban") == 0 or die "cannot copy $etc\n";
    my ($status, $said) = fail2ban('fail2ban-client', '-c', "$dir/fail2ban", '-d');
    is($status, 0, 'the jail is read') or diag $said;
    like($said, qr/'betterauth', 'maxretry', '?10\b/, 'and counts to ten') or diag $said;
    like($said, qr/'betterauth', 'addfailregex'.*sign-in-failed/, 'by the filter');
};

subtest 'configtest' => sub {
    for my $case (['BetterAuthAuditLog', 1], ['BetterAuthAuditLog |', 1], ['BetterAuthAuditLog ""', 1], ['BetterAuthAuditLog off', 0], ['BetterAuthAuditLog logs/audit.log', 0], ['BetterAuthAuditLog "|/bin/cat -u"', 0]) {
        my ($line, $bad) = @$case;
        my ($status, $output) = configtest("$line\n");
        is($status != 0 ? 1 : 0, $bad, $line) or diag $output;
        like($output, qr/BetterAuthAuditLog takes/, "$line: says why") if $bad;
    }
    my ($status, $output) = configtest("<Directory />\nBetterAuthAuditLog off\n</Directory>\n");
    like($output, qr/BetterAuthAuditLog not allowed/, 'not in a directory');
};

my @lines = grep { !/\bAH0005[12]\b|\bAH00045\b|\bAH00488\b|\bAH01630\b.*\/fresh|\[proxy(?:_http)?:error\]|\bBA0192\b/ } log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no other trouble') or diag join "\n", @lines;
$db->stop;
done_testing;
