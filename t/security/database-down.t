#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# httpd starts, serves and restarts while the database is down: 503 until it is back, then everything works by itself,
# and the log stays readable. With a database server and an httpd of its own.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $SITE = 'database-down';
my $db = private_mariadb($SITE);
$db->create('good', schema('mysql'));
$db->stop;

my $httpd = private_httpd(name => $SITE, mariadb => $db, database => 'good', extra => "    DBDMax 8\n" . BATest::Sites::admin());
ok($httpd->pid, 'httpd starts while the database is down');
my $log = $httpd->error_log;

sub up { my ($answer) = @_; return $answer && $answer->{status} == 200 }

sub new_user { return post($SITE, '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD }) }

sub wait_until_up {
    my ($seconds) = @_;
    my $start = time;
    until (up(new_user())) {
        return undef if time - $start > $seconds;
        sleep 0.1;
    }
    return time - $start;
}

my $signed = 'better-auth.session_token=' . signed('x' x 32);
my @navigation = (headers => ['Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html']);

sub down {
    my ($name) = @_;
    subtest $name => sub {
        my %answer = (
            'sign-up' => new_user(),
            'sign-in' => post($SITE, '/sign-in/email', { email => 'a@b.co', password => PASSWORD }),
            'get-session with a signed cookie' => request($SITE, GET => '/api/auth/get-session', cookie => $signed),
            'a guarded page with a signed cookie' => request($SITE, GET => '/members/page.html', cookie => $signed),
            'the same as navigation' => request($SITE, GET => '/members/page.html', cookie => $signed, @navigation),
            'a page for who is signed in' => request($SITE, GET => '/auth/account', cookie => $signed, @navigation),
            'a form of one' => request($SITE, POST => '/auth/account/name', form => [name => 'x'], cookie => $signed, origin => ORIGIN),
            'a form for anybody' => request($SITE, POST => '/auth/sign-in', form => [email => 'a@b.co', password => PASSWORD], origin => ORIGIN),
            'a proxy that asks' => request($SITE, GET => '/api/auth/forward', cookie => $signed),
            'RequireNone' => request($SITE, GET => '/alice/', cookie => $signed),
            map { ("a role, $_" => request($SITE, GET => "/require-role$_/env", cookie => $signed)) } '', qw(-all -any -none -not),
        );
        for my $what (sort keys %answer) {
            my $answer = $answer{$what};
            is($answer && $answer->{status}, 503, $what) or diag explain $answer;
            like(header($answer, 'retry-after') // '', qr/^\d+$/, "$what: Retry-After");
            is_deeply(cookies($answer)->{''}, [], "$what: deletes no cookie");
            unlike($answer->{body}, qr/members page|SQL|mysql|Maria|127\.0\.0\.1/i, "$what: tells nothing");
        }
        like($answer{$_}{body}, qr{<h1>Not available</h1>.*try again in a few minutes}is, "$_: in words") for 'a page for who is signed in', 'a form of one', 'the same as navigation';
        like($answer{'a form for anybody'}{body}, qr{id="email"[^>]* value="a\@b\.co".*This does not work at the moment|This does not work at the moment.*id="email"[^>]* value="a\@b\.co"}s, 'what was typed stays');
        is(request($SITE, GET => '/require-role-pass/env', cookie => $signed)->{status}, 500, 'who may be anybody but of one role is not let in');
        my $out = request($SITE, POST => '/api/auth/sign-out', json => {}, cookie => $signed, origin => ORIGIN);
        like($out->{status}, qr/^(?:200|503)$/, 'sign-out answers');
        is(request($SITE, GET => '/api/auth/ok')->{status}, 200, 'what needs no database works: /ok');
        is(request($SITE, GET => '/api/auth/get-session')->{body}, 'null', 'get-session without a cookie');
        is(request($SITE, GET => '/api/auth/get-session', cookie => 'better-auth.session_token=x.y')->{body}, 'null', 'or with a forged one');
        is(request($SITE, GET => '/members/page.html')->{status}, 401, 'a guarded page without a cookie');
        is(request($SITE, GET => '/members/page.html', @navigation)->{status}, 302, 'as navigation');
        is(request($SITE, GET => '/members/page.html', cookie => 'better-auth.session_token=x.y')->{status}, 401, 'with a forged one');
        is(request($SITE, GET => '/index.html')->{status}, 200, 'a public page');
        is(request($SITE, GET => '/auth/sign-in')->{status}, 200, 'the sign-in form');
        is(request($SITE, GET => '/optional/env')->{status}, 200, 'optional sign-in, no cookie');
    };
}

down('down from the start');
$db->start;
my $took = wait_until_up(10);
ok(defined $took, 'the database starts: httpd needs no restart') && note sprintf '%.1f s', $took;

subtest 'a restart while it is down' => sub {
    $db->stop;
    my $pid = $httpd->pid;
    $httpd->signal('USR1');
    sleep 2;
    is($httpd->pid, $pid, 'graceful: it lives');
    ok(kill(0 => $pid), 'really');
    down('still down');
    $httpd->signal('HUP');
    sleep 2;
    ok($httpd->pid && kill(0 => $httpd->pid), 'restart: it lives');
    $db->start;
    ok(defined wait_until_up(10), 'and works when the database is back');
};

subtest 'all connections killed' => sub {
    # Fill the pools of both children first.
    parallel(24, sub { new_user(); 'x' });
    my $ids = join ' ', map { "KILL $_->[0];" } $db->sql("SELECT id FROM information_schema.processlist WHERE user = 'ba'");
    $db->sql($ids);
    my %status;
    for (1 .. 30) { my $a = new_user(); $status{ $a ? $a->{status} : 'none' }++ }
    ok(($status{200} // 0) >= 28, 'goes almost unnoticed') or diag explain \%status;
    ok(!(grep { $_ !~ /^(?:200|503)$/ } keys %status), 'and never as another error') or diag explain \%status;
};

subtest 'killed under load' => sub {
    my $user = post($SITE, '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD });
    my $cookie = cookie_header($user);
    my $log_before = -s $log;
    my $begin = time;
    # The load runs in children; the database is killed and started by this process in the meantime. A start takes as long
    # as the machine lets it, so the load ends when it is told to.
    my $said = BATest::state()->{workdir} . "/$SITE-said-" . flavour();
    my @pids;
    for my $n (1 .. 6) {
        my $pid = fork // die;
        push(@pids, $pid), next if $pid;
        $SIG{TERM} = 'DEFAULT';
        open my $out, '>>', $said or POSIX::_exit(1);
        until (-e "$said-stop" || time - $begin > 60) {
            my $answer = $n == 1 ? new_user() : $n == 2 ? request($SITE, GET => '/members/page.html', cookie => $cookie)
                : request($SITE, GET => '/api/auth/get-session', cookie => $cookie);
            my $set = $answer ? scalar @{ cookies($answer)->{''} } : 0;
            syswrite $out, sprintf "%.2f %s %s %d\n", time - $begin, $n, $answer ? $answer->{status} . ($answer->{body} eq 'null' ? ' null' : '') : 'none', $set;
        }
        POSIX::_exit(0);
    }
    sleep 1.5;
    $db->kill_now;
    my $killed = time - $begin;
    sleep 2.5;
    my $log_down = join '', "\n", log_lines($log, $log_before);
    $db->start;
    my $back = time - $begin;
    sleep 5.5;
    open my $stop, '>', "$said-stop" or die;
    waitpid $_, 0 for @pids;
    my (%all, %late, %wrong_cookie);
    open my $in, '<', $said or die;
    while (<$in>) {
        chomp;
        my ($at, $n, $status, $rest) = split / /, $_, 4;
        my $null = $rest =~ /^null/ ? ' null' : '';
        $all{"$status$null"}++;
        $late{"$status$null"}++ if $at > $back + 4;
        $wrong_cookie{"$n $status"}++ if $status == 503 && $rest =~ /[1-9]$/;
    }
    note explain { all => \%all, late => \%late };
    ok(!(grep { !/^(?:200|503)$/ } keys %all), 'there are 200 and 503 and nothing else: no session is forgotten, no 500') or diag explain \%all;
    cmp_ok($all{503} // 0, '>', 10, 'some 503, while it was down');
    cmp_ok($late{200} // 0, '>', 10, 'then it works again');
    is($late{503} // 0, 0, 'wholly, by itself');
    is_deeply(\%wrong_cookie, {}, 'no 503 sets a cookie');
    my @lines = log_lines($log, $log_before);
    cmp_ok(scalar @lines, '<', 150, sprintf 'the log is not flooded: %d lines in %.1f s', scalar @lines, $back - $killed) or diag @lines[0 .. 9];
    ok((grep { /\bBA\d{4}\b/ } @lines), 'a line of ours says what is wrong');
    is(request($SITE, GET => '/members/page.html', cookie => $cookie)->{status}, 200, 'the session of before is still good');
};

subtest 'no tables' => sub {
    my $log_before = -s $log;
    $db->sql('RENAME TABLE `session` TO `session_away`', 'good');
    my $answer = request($SITE, GET => '/api/auth/get-session', cookie => $signed);
    is($answer->{status}, 503, 'is 503');
    ok((grep { /\bBA\d{4}\b/ } log_lines($log, $log_before)), 'and a clear line');
    $db->sql('RENAME TABLE `session_away` TO `session`', 'good');
    ok(defined wait_until_up(10), 'the tables come: it works');
};

# A node that its cluster has left behind connects and pings, and refuses each statement: with error 1047, here by a function in place of it.
subtest 'it answers, but does not work' => sub {
    ok(up(my $user = new_user()), 'before');
    my $cookie = cookie_header($user);
    my $log_before = -s $log;
    $db->sql(qq{DELIMITER //\nCREATE FUNCTION refuse() RETURNS int BEGIN SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047, MESSAGE_TEXT = 'not prepared for application use'; RETURN 1; END//
DELIMITER ;\nRENAME TABLE `user` TO user_away; CREATE ALGORITHM = TEMPTABLE VIEW `user` AS SELECT * FROM user_away WHERE refuse() = 1 LIMIT 1000;\n}, 'good');
    my %status;
    $status{ request($SITE, GET => '/members/page.html', cookie => $cookie)->{status} }++ for 1 .. 40;
    is_deeply(\%status, { 503 => 40 }, 'is 503');
    sleep 1.2;    # and so it is when somebody has looked
    is(request($SITE, GET => '/members/page.html', cookie => $cookie)->{status}, 503, 'still') for 1 .. 4;
    my @lines = log_lines($log, $log_before);
    ok(scalar(grep { /BA0105: the database is down: not prepared for application use/ } @lines), 'the log has the reason');
    cmp_ok(scalar @lines, '<=', 4, 'once for each child') or diag @lines;
    $db->sql(q{DROP VIEW `user`; RENAME TABLE user_away TO `user`; DROP FUNCTION refuse}, 'good');
    ok(defined wait_until_up(5), 'it works again');
};

$httpd->stop;
$db->stop;
my @other = grep { !/\b(?:BA\d{4}|AH00632|AH00633|AH00629|AH00630|AH00636)\b/ && !/dbd/ } log_lines($log);
is(scalar @other, 0, 'the log knows no other trouble') or diag @other[0 .. ($#other > 9 ? 9 : $#other)];

done_testing;
