#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# A mailed token works once, whoever is how fast; a database that breaks in the middle does not cost it; who had an
# account before its address was proved has no way in after a reset (GHSA-qq9h-g4jm-xgf3), nor by a change of address
# that was asked for before.
use strict;
use warnings;
use BATest;
use BATest::Sites;
use MIME::QuotedPrint qw(decode_qp);

expect_private_log(qw(BA0104 BA0105 BA0201 BA0714 AH00629 AH00632 AH00633 AH00639 AH02655));    # the database breaks

my $NEXT = 'another horse battery';

sub token {
    my ($site, $email) = @_;
    post($site, '/request-password-reset', { email => $email });
    return ((mails($site, $email))[-1]{url} =~ m{/reset-password/(\w+)\?})[0];
}
sub reset_to { my ($site, $token, $password) = @_; return post($site, '/reset-password', { newPassword => $password, token => $token }) }
sub works { my ($site, $email, $password) = @_; return post($site, '/sign-in/email', { email => $email, password => $password })->{status} == 200 }
sub told { my ($answer) = @_; return $answer ? "$answer->{status} " . ($answer->{json}{code} // '') : 'none' }
sub counted { my %count; $count{$_}++ for @_; return \%count }
# Of fifty who want a hash, some may be sent away by a machine that is busy with something else.
sub refused { my ($count) = @_; return ($count->{'400 INVALID_TOKEN'} // 0) + (delete $count->{'503 SERVER_BUSY'} // 0) }

# A database server of its own, for later.
my $SITE = 'mail-database-down';
my $db = private_mariadb($SITE);
$db->create('good', schema('mysql'));
my $httpd = private_httpd(name => $SITE, mariadb => $db, database => 'good', extra => BATest::Sites::flows('strict'));

each_site {
    my ($site) = @_;
    my $strict = $site =~ s/^mail/strict/r;

    subtest 'fifty resets with one token' => sub {
        my $ada = sign_up($site, email => 'ada@example.com');
        my $token = token($site, 'ada@example.com');
        my @said = parallel(50, sub { return told(reset_to($site, $token, "new horse battery $_[0]")) });
        my $count = counted(@said);
        is(refused($count), 49, 'forty-nine are refused');
        is_deeply([%$count{'200 '}, sort keys %$count], ['200 ', 1, '200 ', '400 INVALID_TOKEN'], 'one succeeds') or diag explain $count;
        my ($winner) = grep { $said[$_ - 1] =~ /^200/ } 1 .. 50;
        ok(works($site, 'ada@example.com', "new horse battery $winner"), 'its password counts');
        is(scalar sql($site, 'SELECT id FROM account'), 1, 'in one account');
        is(scalar mails($site), 2, 'one link, one notice');
        clean($site);
    };

    subtest 'fifty resets for who has no account of ours' => sub {
        sign_up($site, email => 'ada@example.com');
        sql($site, 'DELETE FROM account');
        my @tokens = map { token($site, 'ada@example.com') } 1, 2;
        my @said = parallel(50, sub { return told(reset_to($site, $tokens[$_[0] % 2], $NEXT)) });
        my $count = counted(@said);
        is(refused($count), 48, 'forty-eight are refused');
        is_deeply([%$count{'200 '}, sort keys %$count], ['200 ', 2, '200 ', '400 INVALID_TOKEN'], 'two tokens, twice') or diag explain $count;
        ok(works($site, 'ada@example.com', $NEXT), 'the password counts');
        clean($site);
    };

    subtest 'fifty deletions with one token' => sub {
        post($strict, '/sign-up/email', { name => '', email => 'ada@example.com', password => PASSWORD });
        sql($strict, 'UPDATE user SET emailVerified = 1; DELETE FROM ba_mail; DELETE FROM test_mail;');
        my $cookie = cookie_header(post($strict, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD }));
        post($strict, '/delete-user', {}, cookie => $cookie);
        my ($token) = (mails($strict))[-1]{url} =~ /token=(\w+)/;
        my @said = parallel(50, sub {
            my ($n) = @_;
            return told($n % 2 ? request($strict, GET => "/api/auth/delete-user/callback?token=$token", cookie => $cookie)
                : post($strict, '/delete-user', { token => $token }, cookie => $cookie));
        });
        my $count = counted(@said);
        is(delete $count->{'200 '}, 1, 'one succeeds') or diag explain \@said;
        is_deeply([grep { !/^(?:404 (?:INVALID_TOKEN|FAILED_TO_GET_USER_INFO)|401 UNAUTHORIZED)$/ } keys %$count], [], 'the others find no token, or nobody') or diag explain $count;
        is(user_count($strict), 0, 'the user is gone');
        clean($strict);
    };

    subtest 'twenty times the same link to verify, and to change' => sub {
        my $ada = sign_up($site, email => 'ada@example.com');
        my $mailed = sub { my ($to) = @_; return (mails($site, $to))[-1]{url} =~ s{^http://auth\.test}{}r =~ s/&callbackURL.*//r };
        my $opens = sub { my ($url) = @_; return counted(parallel(20, sub { return told(request($site, GET => $url, cookie => $ada->{cookie})) })) };
        post($site, '/send-verification-email', { email => 'ada@example.com' }, cookie => $ada->{cookie});
        is_deeply($opens->($mailed->('ada@example.com')), { '200 ' => 20 }, 'to verify twice is harmless');
        post($site, '/change-email', { newEmail => 'new@example.com' }, cookie => $ada->{cookie});
        is_deeply($opens->($mailed->('ada@example.com')), { '200 ' => 20 }, 'the old address may agree twice');
        my $count = $opens->($mailed->('new@example.com'));
        is(delete $count->{'200 '}, 1, 'the change happens once');
        is_deeply([grep { !/^401 (?:USER_NOT_FOUND|INVALID_USER)$/ } keys %$count], [], 'then the old address is nobody') or diag explain $count;
        is_deeply([sql($site, 'SELECT email, emailVerified FROM user')], [['new@example.com', 1]], 'it is the new one');
        clean($site);
    };

    subtest 'two users want one address' => sub {
        my @users = map { sign_up($site, email => "user$_\@example.com") } 1, 2;
        post($site, '/change-email', { newEmail => 'one@example.com' }, cookie => $_->{cookie}) for @users;
        my @urls = map { $_->{url} =~ s{^http://auth\.test}{}r =~ s/&callbackURL.*//r } mails($site, 'one@example.com');
        is(scalar @urls, 2, 'both are asked');
        my @said = parallel(2, sub { return told(request($site, GET => $urls[$_[0] - 1])) });
        is_deeply([sort @said], ['200 ', '422 USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'], 'one gets it');
        is(session_count($site), 3, 'the other is not signed in by it');
        clean($site);
    };

    subtest 'a change of address is for the account as it was' => sub {
        my $new = 'evil@example.com';
        my $link = sub { my ($at, $to) = @_; return ((mails($at, $to))[-1]{url} // '') =~ s{^http://auth\.test}{}r =~ s/&callbackURL.*//r };
        my $ask = sub { my ($at, $cookie) = @_; is(post($at, '/change-email', { newEmail => $new }, cookie => $cookie)->{status}, 200, 'another address is asked for') };
        # Mallory takes an address that is not his, and a link to another that is.
        my $mallory = sub {
            my $in = sign_up($site, email => 'ada@example.com', name => 'Mallory');
            $ask->($site, $in->{cookie});
            return ($in, $link->($site, $new));
        };
        my $dead = sub {
            my ($at, $url, $name) = @_;
            my $sessions = session_count($at);
            my $answer = request($at, GET => $url);
            is(told($answer), '401 INVALID_TOKEN', "$name: the link is good no more");
            is_deeply(cookies($answer)->{''}, [], "$name: it signs nobody in");
            is(header(request($at, GET => "$url&callbackURL=/x"), 'location'), '/x?error=INVALID_TOKEN', "$name: nor with a callback");
            is(user_count($at, "email = '$new'"), 0, "$name: the address stays");
            is(session_count($at), $sessions, "$name: and no session begins");
            clean($at);
        };
        my (undef, $url) = $mallory->();
        is(reset_to($site, token($site, 'ada@example.com'), $NEXT)->{status}, 200, 'Ada takes the account by a reset');
        $dead->($site, $url, 'a reset');

        (my $in, $url) = $mallory->();
        sql($site, 'DELETE FROM session; DELETE FROM account; DELETE FROM user;');
        sign_up($site, email => 'ada@example.com');
        $dead->($site, $url, 'another account of that address');

        ($in, $url) = $mallory->();
        post($site, '/send-verification-email', { email => 'ada@example.com' });
        is(request($site, GET => $link->($site, 'ada@example.com'))->{status}, 200, 'Ada proves the address');
        $dead->($site, $url, 'an address that was proved meanwhile');

        # a thief who has a session, of an account that is proved
        my $other = sub {
            my ($at, $cookie) = @_;
            is(post($at, '/change-password', { currentPassword => PASSWORD, newPassword => $NEXT, revokeOtherSessions => JSON::PP::true }, cookie => $cookie)->{status}, 200, 'another password, and all others out');
        };
        my $proved = sub {
            my ($at) = @_;
            post($at, '/sign-up/email', { name => '', email => 'ada@example.com', password => PASSWORD });
            sql($at, 'UPDATE user SET emailVerified = 1; DELETE FROM ba_mail; DELETE FROM test_mail;');
            return map { cookie_header(post($at, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD })) } 1, 2;
        };
        my ($hers, $thief) = $proved->($strict);
        $ask->($strict, $thief);
        $url = $link->($strict, $new);
        $other->($strict, $hers);
        $dead->($strict, $url, 'BetterAuthChangeEmailConfirm off');
        for my $step (1, 2) {
            ($hers, $thief) = $proved->($site);
            $ask->($site, $thief);
            $url = $link->($site, 'ada@example.com');
            if ($step == 2) {
                is(request($site, GET => $url)->{status}, 200, 'the old address agrees');
                $url = $link->($site, $new);
            }
            $other->($site, $hers);
            $dead->($site, $url, "link $step of two");
        }

        # what honest people do in between
        ($hers) = $proved->($site);
        $ask->($site, $hers);
        post($site, '/update-user', { name => 'Countess' }, cookie => $hers);
        post($site, '/sign-out', {}, cookie => $hers);
        ok(works($site, 'ada@example.com', PASSWORD), 'signed out and in');
        is(request($site, GET => $link->($site, 'ada@example.com'))->{status}, 200, 'the old address agrees');
        post($site, '/request-password-reset', { email => 'ada@example.com' });
        is(request($site, GET => $link->($site, $new))->{status}, 200, 'the new one too');
        is_deeply([sql($site, 'SELECT email, name FROM user')], [[$new, 'Countess']], 'and is the address');
        clean($site);

        # who has no password
        ($hers) = $proved->($site);
        sql($site, 'DELETE FROM account');
        $ask->($site, $hers);
        is(request($site, GET => $link->($site, 'ada@example.com'))->{status}, 200, 'no password: the old address agrees');
        $url = $link->($site, $new);
        is(reset_to($site, token($site, 'ada@example.com'), $NEXT)->{status}, 200, 'a first password');
        $dead->($site, $url, 'a first password');
    };

    subtest 'somebody else was here first' => sub {
        my $mallory = sign_up($site, email => 'ada@example.com', name => 'Mallory');
        is(reset_to($site, token($site, 'ada@example.com'), $NEXT)->{status}, 200, 'Ada proves the address by a reset');
        no_session($site, $mallory->{cookie}, q{Mallory's session is over});
        ok(!works($site, 'ada@example.com', PASSWORD), 'and so is the password');
        my $in = post($site, '/sign-in/email', { email => 'ada@example.com', password => $NEXT });
        sql($site, 'UPDATE user SET emailVerified = 1');
        is(reset_to($site, token($site, 'ada@example.com'), PASSWORD)->{status}, 200, 'once more');
        ok(request($site, GET => '/api/auth/get-session', cookie => cookie_header($in))->{json}, 'a proved address keeps its sessions, as in better-auth');
        clean($site);
    };
} 'mail';

subtest 'the database breaks' => sub {
    my $sql = sub { return $db->sql($_[0], 'good') };
    my $break = sub { $sql->("RENAME TABLE `$_[0]` TO `${_[0]}_away`") };
    my $mend  = sub { $sql->("RENAME TABLE `${_[0]}_away` TO `$_[0]`") };
    # the breaker of a child keeps to 503 for a moment
    my $until = sub { my ($ask) = @_; for (1 .. 100) { my $answer = $ask->(); return $answer if $answer && $answer->{status} != 503; select undef, undef, undef, 0.1 } return undef };
    # "token=12" of plain text is no code of quoted-printable
    my $last = sub {
        my $mail = pack 'H*', map { $_->[0] } $sql->('SELECT HEX(message) FROM test_mail ORDER BY n DESC LIMIT 1');
        my ($encoding) = $mail =~ /^Content-Transfer-Encoding: (\S+)/m;
        return $encoding eq 'quoted-printable' ? decode_qp($mail) : $mail;
    };
    is($until->(sub { post($SITE, '/sign-up/email', { name => '', email => 'ada@example.com', password => PASSWORD }) })->{status}, 200, 'Ada signs up');
    $sql->('UPDATE user SET emailVerified = 1');
    my $ask = sub { return post($SITE, '/request-password-reset', { email => 'ada@example.com' }) };
    my $all = sub { return join ' ', map { ($sql->("SELECT COUNT(*) FROM $_"))[0][0] } qw(user account verification ba_mail) };
    my $hash = sub { return ($sql->('SELECT password FROM account'))[0][0] };

    $until->($ask);
    my ($token) = $last->() =~ m{/reset-password/(\w+)\?};
    my ($before, $rows) = ($hash->(), $all->());
    for my $table (qw(ba_mail session)) {
        $break->($table);
        is(reset_to($SITE, $token, $NEXT)->{status}, 503, "a reset without the table $table");
        $mend->($table);
        is($hash->(), $before, 'sets no password');
        is($all->(), $rows, 'and costs no token');
    }
    $break->('ba_mail');
    is(post($SITE, '/request-password-reset', { email => 'ada@example.com' })->{status}, 503, 'a request without an outbox');
    $mend->('ba_mail');
    is($all->(), $rows, 'leaves no token behind');
    is($until->(sub { reset_to($SITE, $token, $NEXT) })->{status}, 200, 'then the token is good');

    my $cookie = cookie_header($until->(sub { post($SITE, '/sign-in/email', { email => 'ada@example.com', password => $NEXT }) }));
    $until->(sub { post($SITE, '/delete-user', {}, cookie => $cookie) });
    my ($delete) = $last->() =~ m{[?]token=(\w+)};
    $rows = $all->();
    $break->('account');
    my $answer = request($SITE, GET => "/api/auth/delete-user/callback?token=$delete&callbackURL=/bye", cookie => $cookie);
    is($answer->{status}, 503, 'a deletion without the table account');
    is_deeply([scalar header($answer, 'location'), cookies($answer)->{''}], [undef, []], 'leads nowhere and signs nobody out');
    $mend->('account');
    is($all->(), $rows, 'deletes nothing');

    $db->stop;
    my $jwt = jwt(sprintf '{"email":"ada@example.com","iat":%d,"exp":%d}', time, time + 600);
    my %down = (
        'request-password-reset' => $ask->(), 'reset-password' => reset_to($SITE, 'x' x 24, $NEXT),
        'the reset link' => request($SITE, GET => "/api/auth/reset-password/$token?callbackURL=/new"),
        'send-verification-email' => post($SITE, '/send-verification-email', { email => 'ada@example.com' }),
        'verify-email' => request($SITE, GET => "/api/auth/verify-email?token=$jwt&callbackURL=/in"),
        'change-email' => post($SITE, '/change-email', { newEmail => 'new@example.com' }, cookie => $cookie),
        'delete-user' => post($SITE, '/delete-user', {}, cookie => $cookie),
        'the deletion link' => request($SITE, GET => "/api/auth/delete-user/callback?token=$delete", cookie => $cookie),
    );
    for my $what (sort keys %down) {
        is($down{$what} && told($down{$what}), '503 SERVICE_UNAVAILABLE', "no database: $what");
        like(header($down{$what}, 'retry-after') // '', qr/^\d+$/, "$what: Retry-After");
        is_deeply(cookies($down{$what})->{''}, [], "$what: keeps cookies");
        is(header($down{$what}, 'location'), undef, "$what: leads nowhere");
    }
    $db->start;
    is($until->(sub { request($SITE, GET => "/api/auth/delete-user/callback?token=$delete&callbackURL=/bye", cookie => $cookie) })->{status}, 302, 'it is back, and the token still good');
    is($all->() =~ s/ \d+$//r, '0 0 0', 'all is deleted');
};

done_testing;
