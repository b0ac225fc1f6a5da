# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Clients;

# A client that does to a server, while something fails, what people do, and keeps a journal of what it was told
# (BATest::Journal). It works on people of its own, one after another, now and then twice at the same time.

use strict;
use warnings;
use BATest::Journal;
use Digest::SHA qw(hmac_sha256_base64);
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Time::HiRes qw(sleep time);

use constant { PASSWORD => 'correct horse battery', PROTECTED => 'members page' };

my $json = JSON::PP->new->utf8->canonical;

# name; file: of its journal; ports: of the httpds, whose nodes count from 1; origin; secret; patience: seconds, then it goes
# away; mails: what acknowledged requests promise is counted; weights: what it does and how often, name => weight;
# mailed: code that answers the secret that a person was mailed, from (person, "reset" or "delete", node)
sub new {
    my ($class, %o) = @_;
    return bless { people => [], serial => 0, patience => 6, ended => [], %o }, $class;
}

sub node { 1 + int rand @{ $_[0]{ports} } }
sub node_after { my ($self, $node, $n) = @_; return 1 + ($node + $n) % @{ $self->{ports} } }
sub some { my ($self) = @_; return $self->{people}[rand @{ $self->{people} }] }

# A request of the API, for at_once.
sub api { my ($node, $method, $path, @more) = @_; return [$node, $method, "/api/auth$path", @more] }

# Sends several requests at the same time and waits for all answers. A request: [node, method, path, body, cookie]; an
# answer: { node, start, end, status, json, body, cookie, date }, without a status when there was none.
sub at_once {
    my ($self, @requests) = @_;
    my ($select, @answers, %of) = (IO::Select->new);
    local $SIG{PIPE} = 'IGNORE';
    for my $request (@requests) {
        my ($node, $method, $path, $body, $cookie) = @$request;
        my $text = defined $body ? $json->encode($body) : '';
        my $answer = { node => $node, start => time, raw => '' };
        push @answers, $answer;
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{ports}[$node - 1], Timeout => $self->{patience});
        $answer->{end} = time, next unless $socket;
        $socket->autoflush;
        print {$socket} "$method $path HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\nOrigin: $self->{origin}\r\n", (defined $cookie ? "Cookie: $cookie\r\n" : ''),
            (defined $body ? "Content-Type: application/json\r\nContent-Length: @{[length $text]}\r\n" : ''), "\r\n$text";
        $select->add($socket);
        $of{$socket} = $answer;
    }
    my $deadline = time + $self->{patience};
    while ($select->count && (my $left = $deadline - time) > 0) {
        for my $socket ($select->can_read($left)) {
            my $answer = $of{$socket};
            next if sysread $socket, $answer->{raw}, 65536, length $answer->{raw};
            $answer->{end} = time;
            $select->remove($socket);
        }
    }
    for my $answer (@answers) {
        $answer->{end} //= time;
        my ($head, $body) = split /\r\n\r\n/, delete $answer->{raw}, 2;
        ($answer->{status}) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};
        ($answer->{cookie}) = ($head // '') =~ /^Set-Cookie: (better-auth\.session_token=[^;]+)/mi;
        ($answer->{date}) = ($head // '') =~ /^Date: ([^\r]+)/mi;
        $answer->{body} = $body // '';
        $answer->{json} = eval { JSON::PP->new->utf8->allow_nonref->decode($body) };
    }
    return @answers;
}

sub outcome {
    my ($answer) = @_;
    my $status = $answer->{status} // 0;
    # a 401, as Better Auth has it, although nobody is at fault but the server
    return 'unknown' if ref $answer->{json} eq 'HASH' && ($answer->{json}{code} // '') eq 'FAILED_TO_CREATE_SESSION';
    return $status == 200 || $status == 302 ? 'ok' : $status >= 400 && $status < 500 ? 'refused' : 'unknown';
}

sub note {
    my ($self, $kind, $answer, %more) = @_;
    my $entry = { id => "$self->{name}-" . ++$self->{serial}, kind => $kind, outcome => outcome($answer),
        (map { $_ => $answer->{$_} } qw(node start end status)), %more };
    $entry->{code} = $answer->{json}{code} if ref $answer->{json} eq 'HASH' && defined $answer->{json}{code};
    BATest::Journal::append($self->{file}, $entry);
    $self->{tired} = 1 if $entry->{outcome} eq 'unknown';
    return $entry->{outcome};
}

# --- What it does -----------------------------------------------------------------------------------------------------

sub probe {
    my ($self, @sessions) = @_;
    my @asked = map { my $s = $_; map { [$s, $_] } 1 .. @{ $self->{ports} } } @sessions;
    my @answers = $self->at_once(map { api($_->[1], GET => '/get-session', undef, $_->[0]{cookie}) } @asked);
    for my $i (0 .. $#answers) {
        my $status = $answers[$i]{status} // 0;
        $self->note('probe', $answers[$i], token => $asked[$i][0]{token}, alive => $status != 200 ? undef : ref $answers[$i]{json} ? 1 : 0);
    }
}

# The guarded page, as somebody whose session it is or was.
sub page {
    my ($self, $session) = @_;
    my ($answer) = $self->at_once([$self->node, GET => '/members/page.html', undef, $session->{cookie}]);
    my $bytes = index($answer->{body}, PROTECTED) >= 0;
    $self->note('page', $answer, token => $session->{token}, alive => $bytes ? 1 : ($answer->{status} // 0) == 401 ? 0 : undef);
}

# The same as nobody: without a cookie, with a forged one, and with that of a session that it has ended itself.
sub stranger {
    my ($self) = @_;
    my $forged = 'better-auth.session_token=' . ('x' x 32) . '.' . ('A' x 43) . '%3D';
    for my $cookie (undef, $forged, $self->{ended}[-1] // ()) {
        my ($answer) = $self->at_once([$self->node, GET => '/members/page.html', undef, $cookie]);
        $self->note('stranger', $answer, bytes => index($answer->{body}, PROTECTED) >= 0 ? 1 : 0);
    }
}

sub sign_up {
    my ($self, $times) = @_;
    my $email = sprintf '%s-%d@example.com', $self->{name}, ++$self->{born};
    $times //= rand() < 0.2 ? 2 : 1;
    my $first = $self->node;
    my @answers = $self->at_once(map { api($self->node_after($first, $_), POST => '/sign-up/email', { name => 'x', email => $email, password => PASSWORD }) } 1 .. $times);
    for my $answer (@answers) {
        my %got = $answer->{json} && $answer->{json}{user} ? (user => $answer->{json}{user}{id}, token => $answer->{json}{token}) : ();
        next unless $self->note('sign-up', $answer, email => $email, $self->promise('verify', $email), %got) eq 'ok';
        push @{ $self->{people} }, { id => $got{user}, email => $email, password => PASSWORD, sure => $answer->{end},
            sessions => [{ token => $got{token}, cookie => $answer->{cookie} }] };
    }
}

sub promise { my ($self, $kind, $email) = @_; return $self->{mails} ? (mail => $kind, email => $email) : () }

sub sign_in {
    my ($self, $who) = @_;
    my ($answer) = $self->at_once(api($self->node, POST => '/sign-in/email', { email => $who->{email}, password => $who->{password} }));
    my $token = $answer->{json} && $answer->{json}{token};
    $self->note('sign-in', $answer, email => $who->{email}, sure => $who->{sure}, ($token ? (token => $token) : ())) eq 'ok' or return;
    push @{ $who->{sessions} }, { token => $token, cookie => $answer->{cookie} };
}

sub sign_out {
    my ($self, $who) = @_;
    my $session = splice @{ $who->{sessions} }, rand @{ $who->{sessions} }, 1;
    my ($answer) = $self->at_once(api($self->node, POST => '/sign-out', {}, $session->{cookie}));
    my $outcome = $self->note('sign-out', $answer, token => $session->{token});
    push @{ $self->{ended} }, $session->{cookie} if $outcome eq 'ok';
    $self->probe($session);
}

sub revoke {
    my ($self, $who) = @_;
    my @sessions = @{ $who->{sessions} };
    my ($answer) = $self->at_once(api($self->node, POST => '/revoke-sessions', {}, $sessions[0]{cookie}));
    # a 401 comes before anything is done
    my $outcome = $self->note('revoke', $answer, user => $who->{id}, tokens => [map { $_->{token} } @sessions]);
    push @{ $self->{ended} }, $sessions[0]{cookie} if $outcome eq 'ok';
    $who->{sessions} = [];
    $self->probe(@sessions[0 .. ($#sessions > 1 ? 1 : $#sessions)]);
}

sub reset {
    my ($self, $who) = @_;
    my $node = $self->node;
    my ($asked) = $self->at_once(api($node, POST => '/request-password-reset', { email => $who->{email}, redirectTo => '/new' }));
    $self->note('reset-request', $asked, user => $who->{id}, $self->promise('reset', $who->{email})) eq 'ok' or return;
    my $secret = $self->{mailed}->($who, 'reset', $node) // return;
    my @passwords = map { PASSWORD . " $self->{name} $self->{serial} $_" } 1 .. 2;
    my @answers = $self->at_once(map { api($self->node_after($node, $_), POST => '/reset-password', { newPassword => $passwords[$_], token => $secret }) } 0, 1);
    my %said;
    for my $i (0, 1) {
        my $outcome = $self->note('reset', $answers[$i], user => $who->{id}, secret => $secret, password => $passwords[$i],
            tokens => [map { $_->{token} } @{ $who->{sessions} }], mail_may => 1, email => $who->{email});    # a notice, which is no promise
        $said{$outcome}++;
        @$who{qw(password sure)} = ($passwords[$i], $answers[$i]{end}) if $outcome eq 'ok';
    }
    $self->probe($who->{sessions}[0]) if @{ $who->{sessions} };
    $who->{sessions} = [];
    $who->{doubt} = 1 if $said{unknown} && !$said{ok};    # and it may still be done later
    $who->{sure} = undef if $who->{doubt};
}

sub delete {
    my ($self, $who) = @_;
    my $node = $self->node;
    my $session = $who->{sessions}[-1];
    my ($asked) = $self->at_once(api($node, POST => '/delete-user', { callbackURL => '/bye' }, $session->{cookie}));
    $self->note('delete-request', $asked, user => $who->{id}, $self->promise('delete', $who->{email})) eq 'ok' or return;
    my $secret = $self->{mailed}->($who, 'delete', $node) // return;
    my @answers = $self->at_once(map { api($self->node_after($node, $_), GET => "/delete-user/callback?token=$secret", undef, $session->{cookie}) } 0, 1);
    my $done;
    for my $answer (@answers) {
        $done |= $self->note('delete', $answer, user => $who->{id}, secret => $secret, tokens => [map { $_->{token} } @{ $who->{sessions} }]) ne 'refused';
    }
    $self->probe($session);
    $self->{people} = [grep { $_ != $who } @{ $self->{people} }] if $done;
}

sub verify {
    my ($self, $who) = @_;
    my ($answer) = $self->at_once(api($self->node, GET => '/verify-email?token=' . $self->jwt($who->{email})));
    $self->note('verify', $answer, user => $who->{id});
}

# A request that is only to be answered: method, path, body, in which @N@ stands for a number.
sub other {
    my ($self, $who, $method, $path, $body) = @_;
    my %body = map { $_ => $body->{$_} =~ s/\@N\@/$self->{name}-$self->{serial}/r } keys %{ $body || {} };
    my ($answer) = $self->at_once(api($self->node, $method, $path, $body && \%body, $who->{sessions}[-1]{cookie}));
    $self->note('other', $answer, path => $path, mail_may => 1, email => $body{email} // $body{newEmail} // $who->{email});
    @$who{qw(sure doubt)} = (undef, 1);    # password and address may be other ones now
}

# A token as the server itself would have mailed it.
sub jwt {
    my ($self, $email) = @_;
    my $text = join '.', map { encode_base64url($_) } '{"alg":"HS256"}', sprintf '{"email":"%s","iat":%d,"exp":%d}', $email, time, time + 3600;
    return "$text." . (hmac_sha256_base64($text, $self->{secret}) =~ tr{+/}{-_}r);
}

# One thing of those it does, by their weights; without a session, some become a sign-in.
sub step {
    my ($self) = @_;
    sleep 0.2 if delete $self->{tired};    # who is told to come later does
    my @weights = @{ $self->{weights} };
    my ($what, $at) = ('', 0);
    for (my $i = 1; $i < @weights; $i += 2) { $at += $weights[$i] }
    $at = rand $at;
    while (my ($name, $weight) = splice @weights, 0, 2) { $what = $name; last if ($at -= $weight) < 0 }
    return $self->stranger if $what eq 'stranger';
    my $who = $self->some;
    return $self->sign_up if $what eq 'sign_up' || !$who;
    return $self->$what($who) if $what =~ /^(?:sign_in|reset|verify)$/;
    return $self->sign_in($who) unless @{ $who->{sessions} };
    return $what =~ /^(?:probe|page)$/ ? $self->$what($who->{sessions}[rand @{ $who->{sessions} }]) : $self->$what($who);
}

# At last each signs in whose password is known, now and then, and each session is looked at.
sub look_at_all {
    my ($self) = @_;
    for my $who (grep { $_->{sure} } @{ $self->{people} }) {
        $self->probe($_) for @{ $who->{sessions} };
        $self->sign_in($who) if rand() < 0.3;
    }
}

1;
